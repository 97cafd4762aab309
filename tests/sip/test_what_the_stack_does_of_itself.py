"""Session timers (RFC 4028), PRACK (RFC 3262), races of CANCEL, forking: kept right by the stack,
and proved message by message."""

import re
from collections.abc import Callable, Iterator

import pytest

from sip_plugin.planes.messages import CallState, Hangup, ModelReady, Originate, OriginateAnswer
from tests.sip.conftest import SipServer
from tests.sip.phone import Phone, offer


@pytest.fixture
def far() -> Iterator[Phone]:
    phone = Phone()
    yield phone
    phone.close()


@pytest.fixture
def server(far: Phone, start_sip: Callable[..., SipServer]) -> SipServer:
    trunk = {
        "domain": f"127.0.0.1:{far.port}",
        "require_registration": False,
        "allow_from": ["127.0.0.1"],
        "max_ring_secs": 5.0,
        "sip_username": "plugin",
    }
    return start_sip(trunks={"main": trunk})


def dialled(server: SipServer, far: Phone):
    """The supervisor, the call's sid and the INVITE."""
    supervisor = server.supervisor()
    supervisor.send(Originate(request_id="r", number="+1555", agent_name="parrot"))
    sid = supervisor.wait(OriginateAnswer).sid
    return supervisor, sid, far.expect("INVITE")


# --- session timers ----------------------------------------------------------------------


def test_a_session_timer_is_agreed_and_refreshes_are_answered(sip: SipServer):
    sip.worker()
    phone = sip.phone()
    headers = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\nMin-SE: 90\r\n"
    answer = phone.call(headers=headers)
    assert re.match(r"90;\s*refresher=uac", answer.headers["session-expires"])
    phone.again("UPDATE", headers=headers)
    assert phone.final().code == 200
    phone.again("INVITE", offer(40000), headers=headers)
    answer = phone.expect(200)
    assert answer.headers["session-expires"].startswith("90")
    phone.ack(answer)
    phone.hang_up()


def test_a_session_timer_that_is_too_short_is_refused_with_what_would_do(sip: SipServer):
    sip.worker()
    phone = sip.phone()
    phone.invite(headers="Supported: timer\r\nSession-Expires: 20\r\n")
    answer = phone.final()
    assert (answer.code, int(answer.headers["min-se"])) == (422, 90)
    phone.ack(answer)


# --- PRACK -------------------------------------------------------------------------------


def test_a_provisional_answer_is_reliable_when_the_caller_requires_it(sip: SipServer):
    worker = sip.worker(ready=False)
    phone = sip.phone()
    phone.invite(headers="Require: 100rel\r\nSupported: 100rel\r\n")
    ringing = phone.expect(180, 183)
    assert "100rel" in ringing.headers["require"]
    phone.remote_to = ringing.headers["to"]
    match = re.search(r"<([^>]+)>", ringing.headers["contact"])
    phone.remote_target = match[1]
    invite_cseq = ringing.headers["cseq"]
    again = phone.expect(180, 183)  # nobody said that it came
    assert again.headers["rseq"] == ringing.headers["rseq"]
    phone.again("PRACK", headers=f"RAck: {ringing.headers['rseq']} {invite_cseq}\r\n")
    answer = phone.final()
    assert (answer.code, answer.method) == (200, "PRACK")
    worker.send(ModelReady(sid=worker.opened().sid))
    answer = phone.expect(200)
    assert answer.method == "INVITE"
    phone.ack(answer)
    phone.hang_up()


# --- CANCEL ------------------------------------------------------------------------------


def test_a_cancel_that_crosses_the_200_changes_nothing(sip: SipServer):
    sip.worker()
    supervisor, phone = sip.supervisor(), sip.phone()
    phone.invite()
    answer = phone.final()
    phone.cancel()
    cancelled = phone.final()
    assert cancelled.method == "CANCEL"
    phone.ack(answer)
    supervisor.wait(CallState, state="in_progress")
    phone.hang_up()
    assert supervisor.final().cause == "caller_hangup"


def test_a_200_that_crosses_our_cancel_is_acknowledged_and_ended(far: Phone, server: SipServer):
    server.worker()
    supervisor, sid, invite = dialled(server, far)
    far.reply(invite, 180, "Ringing")
    supervisor.wait(CallState, state="ringing")
    supervisor.send(Hangup(sid=sid))
    cancel = far.expect("CANCEL")
    far.reply(cancel, 200)
    far.answer_call(invite, offer(42000, "0 101"))
    assert far.expect("ACK") and far.expect("BYE")
    final = supervisor.final()
    assert (final.state, final.cause, final.ended_by) == ("failed", "plugin_hangup", "plugin")


def test_a_cancel_of_the_caller_is_told_with_its_reason(sip: SipServer):
    sip.worker(ready=False)
    supervisor, phone = sip.supervisor(), sip.phone()
    phone.invite()
    phone.expect(180)
    phone.cancel(headers='Reason: SIP;cause=200;text="Call completed elsewhere"\r\n')
    phone.expect(487)
    final = supervisor.final()
    assert (final.cause, final.ended_by) == ("cancelled", "caller")
    assert "completed elsewhere" in final.far_reason


# --- forking -----------------------------------------------------------------------------


def with_tag(answer_of: Phone, asked, code: int, reason: str, tag: str, body: str = "") -> None:
    answer_of.tag = tag
    answer_of.reply(asked, code, reason, body)


def test_the_first_200_of_a_forked_call_wins_and_the_other_is_ended(far: Phone, server: SipServer):
    worker = server.worker()
    supervisor, _, invite = dialled(server, far)
    with_tag(far, invite, 180, "Ringing", "one")
    with_tag(far, invite, 183, "Session Progress", "two", offer(42002, "0 101"))
    with_tag(far, invite, 200, "OK", "one", offer(42000, "0 101"))
    assert "tag=one" in far.expect("ACK").headers["to"]
    supervisor.wait(CallState, state="in_progress")
    with_tag(far, invite, 200, "OK", "two", offer(42002, "0 101"))
    second = [far.expect("ACK"), far.expect("BYE")]
    assert all("tag=two" in request.headers["to"] for request in second)
    far.reply(second[1], 200)
    answered = [m for m in worker.all(type(worker.started())) if m.answered]
    assert {start.media.remote_rtp_port for start in answered} == {42000}
    assert supervisor.all(CallState, state="completed") == []
