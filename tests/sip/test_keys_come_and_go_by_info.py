"""Keys by SIP INFO: both content types, to the worker that has the call, and back."""

import pytest

from sip_plugin.planes.messages import CallEvent, DigitPressed, PressDigits
from tests.sip.conftest import SipServer


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Signal= *\nDuration= 250\n", "*"),
        ("application/dtmf", "7", "7"),
        ("application/dtmf", "Signal=#\r\n", "#"),
        ("application/dtmf", "10\r\n", "*"),
        ("Application/DTMF; charset=utf-8", "a", "A"),
    ],
)
def test_a_key_reaches_the_worker(sip: SipServer, kind, body, digit):
    worker, phone, supervisor = sip.worker(), sip.phone(), sip.supervisor()
    phone.call()
    phone.again("INFO", body, kind=kind)
    phone.expect(200)
    assert worker.wait(DigitPressed).digit == digit
    assert supervisor.wait(CallEvent, event="dtmf_info").data["digit"] == digit
    phone.hang_up()


def test_the_log_does_not_have_the_keys(sip: SipServer):
    phone, supervisor = sip.phone(), sip.supervisor()
    sip.worker()
    phone.call()
    phone.again("INFO", "7", kind="application/dtmf")
    phone.expect(200)
    sid = supervisor.wait(CallEvent, event="dtmf_info").sid
    phone.hang_up()
    supervisor.final()
    lines = [line for line in sip.log.splitlines() if f"call {sid}: " in line]
    assert any(line.endswith("a key by INFO") for line in lines)
    assert not any("digit" in line for line in lines)


def test_what_is_no_key_is_refused_and_an_empty_info_is_not(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    for kind, body in [
        ("application/dtmf", "x"),
        ("application/dtmf", "123"),
        ("application/dtmf-relay", "nonsense"),
        ("application/media_control+xml", "<picture_fast_update/>"),
    ]:
        phone.again("INFO", body, kind=kind)
        assert phone.final().code == 400, (kind, body)
    phone.again("INFO")
    assert phone.final().code == 200
    phone.hang_up()
    assert worker.all(DigitPressed) == []


def test_the_keys_of_an_agent_follow_each_other(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    sid = worker.started().sid
    worker.send(PressDigits(sid=sid, digits="15"))
    worker.send(PressDigits(sid=sid, digits="#"))
    keys = []
    for _ in range(3):
        asked = phone.expect("INFO")
        assert asked.headers["content-type"] == "application/dtmf-relay"
        keys.append(asked.body.split("\n")[0])
        phone.reply(asked, 200)
    assert keys == ["Signal=1", "Signal=5", "Signal=#"]
    phone.hang_up()
