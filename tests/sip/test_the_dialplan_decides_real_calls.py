"""What the dialplan says, as a phone sees it: raw SIP to and from a running SIP process."""

from collections.abc import Callable, Iterator

import pytest

from sip_plugin.planes.messages import (
    CallState,
    ModelFailed,
    ModelReady,
    OpenCall,
    Originate,
    OriginateAnswer,
)
from tests.sip.conftest import SipServer
from tests.sip.phone import Phone, offer

AGENTS = {name: {"endpoint": "quic://127.0.0.1:4433"} for name in ("a", "b")}
Start = Callable[..., SipServer]


@pytest.fixture
def far() -> Iterator[Phone]:
    phone = Phone()
    yield phone
    phone.close()


def planned(start_sip: Start, *routes: dict, **more) -> SipServer:
    return start_sip(agents=AGENTS, dialplan={"routes": routes, **more})


def test_a_redirected_phone_gets_one_contact(start_sip: Start):
    server = planned(start_sip, {"number": "2000", "redirect": "sip:desk@pbx.example.net"})
    phone = server.phone()
    phone.invite()
    answer = phone.final()
    assert answer.code == 302
    assert answer.contacts == ["<sip:desk@pbx.example.net>"]
    phone.ack(answer)


def test_a_call_whose_agent_fails_is_answered_by_the_next_on_the_same_port(start_sip: Start):
    server = planned(start_sip, {"number": "2000", "agents": ["a", "b"]})
    worker, phone = server.worker(ready=False), server.phone()
    phone.invite()
    phone.expect(180)
    opened = worker.opened()
    worker.send(ModelFailed(sid=opened.sid, code="down", reason="x", agent_name="a"))
    again = worker.wait(OpenCall, agent_name="b")
    assert again.again
    worker.send(ModelReady(sid=opened.sid, agent_name="b"))
    answer = phone.expect(200)
    phone.ack(answer)
    assert answer.port == worker.port_of(opened.lease_id)
    phone.hang_up()


def test_limits_are_486_and_503_with_retry_after(start_sip: Start):
    server = planned(
        start_sip,
        {"number": "2000", "agent": "a", "max_calls": 1},
        {"number": "3000", "agent": "a", "calls_per_minute": 1},
    )
    server.worker()
    for number, code in (("2000", 486), ("3000", 503)):
        server.phone().call(number)
        second = server.phone()
        second.invite(number)
        answer = second.final()
        second.ack(answer)
        assert answer.code == code
        if code == 503:
            assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_call_that_is_too_long_gets_a_bye(start_sip: Start):
    server = planned(start_sip, {"number": "2000", "agent": "a", "max_duration_secs": 0.5})
    server.worker()
    supervisor, phone = server.supervisor(), server.phone()
    phone.call()
    phone.reply(phone.expect("BYE"), 200)
    ended = supervisor.final()
    assert (ended.state, ended.cause) == ("completed", "max_duration")


def test_a_withheld_number_has_a_route_of_its_own(start_sip: Start):
    server = planned(start_sip, {"anonymous": True, "reject": 433}, default={"agent": "a"})
    server.worker()
    phone = server.phone()
    phone.invite(headers="Privacy: id\r\n")
    answer = phone.final()
    phone.ack(answer)
    assert answer.code == 433
    server.phone().call()


def test_an_outbound_call_goes_by_the_trunk_that_works(far: Phone, start_sip: Start):
    broken = Phone()
    ip_trunk = {"require_registration": False, "allow_from": ["127.0.0.1"]}
    server = start_sip(
        trunks={
            "broken": {**ip_trunk, "domain": f"127.0.0.1:{broken.port}"},
            "works": {**ip_trunk, "domain": f"127.0.0.1:{far.port}"},
        },
        dialplan={
            "default": {"agent": "parrot"},
            "outbound": {"countries": ["US"], "rules": [{"trunks": ["broken", "works"]}]},
        },
    )
    worker, supervisor = server.worker(), server.supervisor()

    def ask(number: str, request_id: str) -> OriginateAnswer:
        asked = Originate(request_id=request_id, number=number, agent_name="parrot")
        supervisor.send(asked)
        return supervisor.wait(OriginateAnswer, request_id=request_id)

    refused = ask("911", "r1")
    assert (refused.sid, refused.code) == ("", 403) and "emergency" in refused.reason
    refused = ask("+4930123456", "r2")
    assert (refused.sid, refused.code) == ("", 403)
    sid = ask("(202) 555-0123", "r3").sid
    broken.reply(invite := broken.expect("INVITE"), 503, "Service Unavailable")
    broken.expect("ACK")
    invite = far.expect("INVITE")
    assert invite.start.startswith("INVITE sip:+12025550123@")
    assert invite.port == worker.port_of(worker.opened().lease_id)
    far.answer_call(invite, offer(42000, "0 101"))
    far.expect("ACK")
    supervisor.wait(CallState, sid=sid, state="in_progress", trunk="works")
    far.again("BYE")
    far.expect(200)
    assert supervisor.final().cause == "callee_hangup"
    broken.close()
