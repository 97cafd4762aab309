"""What is of no call, or no request of calls: RFC 3261 section 8.2.1, RFC 6665, as it is answered
on the wire; and no more than so many."""

import secrets

import pytest

from sip_plugin.sip.stray_answers import STRANGERS_RATE, StrayLimits
from tests.peers.process import wait_until
from tests.sip.phone import Phone, Received, offer

STRAYS = [
    ("MESSAGE", "", 405),
    ("PUBLISH", "Event: presence\r\n", 405),
    ("REGISTER", "", 405),
    ("REFER", "Refer-To: <sip:1@127.0.0.1>\r\n", 405),
    ("FOO", "", 501),
    ("SUBSCRIBE", "Event: presence\r\n", 489),
    ("SUBSCRIBE", "o: dialog;id=1\r\n", 489),
    ("SUBSCRIBE", "", 489),
    ("NOTIFY", "Event: dialog\r\nSubscription-State: active\r\n", 481),
    ("NOTIFY", "", 481),
    ("INFO", "", 481),
    ("UPDATE", "", 481),
    ("BYE", "", 481),
    ("PRACK", "", 481),
]


@pytest.fixture
def server(start_sip):
    server = start_sip()
    server.worker()
    return server


def ask(phone: Phone, method: str, headers: str, tag: str = "") -> Received | None:
    phone.call_id, phone.tag, phone.cseq = secrets.token_hex(8), "o1", 1
    uri = f"sip:2000@{phone.target[0]}:{phone.target[1]}"
    phone.send(phone.request(method, uri, to=f"<{uri}>{tag}", headers=headers))
    return phone.receive(3.0)


def test_outside_of_a_call(server):
    phone = server.phone()
    for method, headers, code in STRAYS:
        answer = ask(phone, method, headers)
        assert answer is not None and answer.code == code, (method, headers, answer)
        assert "tag=" in answer.headers["to"]
        if code in (405, 501):
            assert "INVITE" in answer.headers["allow"] and "MESSAGE" not in answer.headers["allow"]
        if code == 489:
            assert answer.headers["allow-events"] == "refer"


def test_allow_names_nothing_that_is_refused(server):
    phone = server.phone()
    for answer in (ask(phone, "OPTIONS", ""), phone.call()):
        allowed = {method.strip() for method in answer.headers["allow"].split(",")}
        assert allowed >= {"INVITE", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY"}
        assert not allowed & {"MESSAGE", "SUBSCRIBE", "PUBLISH"}
    phone.hang_up()


def test_of_a_call_that_is_not_there(server):
    phone = server.phone()
    for method, headers, _ in STRAYS:
        answer = ask(phone, method, headers, ";tag=nobody")
        assert answer is not None and answer.code == 481, (method, headers, answer)


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("MESSAGE", "", 405),
        ("PUBLISH", "", 405),
        ("SUBSCRIBE", "Event: dialog\r\n", 489),
        ("NOTIFY", "Event: dialog\r\n", 489),
        ("FOO", "", 501),
    ],
)
def test_within_a_call_which_goes_on(server, method, headers, code):
    phone = server.phone()
    phone.call()
    phone.again(method, headers=headers)
    assert phone.expect(200, 405, 481, 489, 500, 501).code == code
    phone.hang_up()


def test_a_bye_is_the_calls_own_whatever_its_tag_looks_like(server):
    """We read tags of up to 128 characters."""
    phone = server.phone()
    phone.call_id, phone.tag, phone.cseq = secrets.token_hex(8), "a" * 200, 1
    uri = f"sip:2000@127.0.0.1:{server.port}"
    phone.send(phone.request("INVITE", uri, offer(), to=f"<{uri}>"))
    answer = phone.final()
    assert answer.code == 200
    phone.ack(answer)
    phone.hang_up()


def test_a_pbx_may_tell_of_waiting_messages(server):
    answer = ask(server.phone(), "NOTIFY", "Event: message-summary\r\n")
    assert answer is not None and answer.code == 200


def test_an_ack_is_never_answered(server):
    assert ask(server.phone(), "ACK", "") is None


def test_a_flood_is_dropped_and_calls_go_on(server):
    phone, flooder = server.phone(), server.phone(address="127.0.0.9")
    uri = f"sip:2000@127.0.0.1:{server.port}"
    flooder.call_id, flooder.tag, flooder.cseq = "f", "o1", 1
    text = flooder.request("MESSAGE", uri, to=f"<{uri}>")

    def flood() -> bool:
        for _ in range(100):  # as many as the kernel's queue takes
            flooder.send(text)
        return "requests outside of calls dropped" in server.log

    wait_until(flood, "some to be dropped")
    wait_until(lambda: phone.options() == 200, "a trunk's own probe to be answered")
    phone.call()
    phone.hang_up()


def test_strangers_together_are_answered_so_often():
    limits = StrayLimits(lambda source: source == "192.0.2.1")
    admitted = sum(limits.admit(f"198.51.100.{n % 250}", "FOO", 0.0) for n in range(5000))
    assert admitted == 2 * STRANGERS_RATE and limits.dropped == 5000 - admitted
    assert limits.admit("192.0.2.1", "OPTIONS", 0.0)
    assert limits.admit("198.51.100.7", "FOO", 1.0)


def test_what_one_stranger_is_refused_is_not_at_the_cost_of_others():
    limits = StrayLimits(lambda source: False)
    assert not all(limits.admit("198.51.100.1", "FOO", 0.0) for _ in range(5000))
    assert limits.admit("198.51.100.2", "OPTIONS", 0.0)


def test_other_requests_of_a_trunk_leave_room_for_its_probes():
    limits = StrayLimits(lambda source: True)
    assert not all(limits.admit("192.0.2.1", "NOTIFY", 0.0) for _ in range(1000))
    assert limits.admit("192.0.2.1", "OPTIONS", 0.0)
