"""Outbound: the far side is a phone of raw bytes, reached over an IP trunk."""

from collections.abc import Callable, Iterator

import pytest

from sip_plugin.planes.messages import (
    CallState,
    CloseCall,
    Hangup,
    ModelFailed,
    Originate,
    OriginateAnswer,
    StartMedia,
)
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
        "max_ring_secs": 1.0,
        "sip_username": "plugin",
    }
    return start_sip(trunks={"main": trunk})


def originate(supervisor, **fields) -> OriginateAnswer:
    supervisor.send(
        Originate(request_id="r1", **{"number": "+1555", "agent_name": "parrot"} | fields)
    )
    return supervisor.wait(OriginateAnswer, request_id="r1")


def test_it_rings_is_answered_and_hung_up_by_the_callee(far: Phone, server: SipServer):
    worker, supervisor = server.worker(), server.supervisor()
    sid = originate(supervisor, caller_id="+49301").sid
    invite = far.expect("INVITE")
    assert invite.start.startswith(f"INVITE sip:+1555@127.0.0.1:{far.port}")
    assert "sip:+49301@" in invite.headers["from"]
    opened = worker.opened()
    assert (opened.sid, opened.direction) == (sid, "outbound")
    assert invite.port == worker.port_of(opened.lease_id)
    assert set(invite.formats) >= {"0", "8"}
    assert invite.body.count("m=") == 1  # no video, no real-time text
    far.reply(invite, 100, "Trying")
    far.reply(invite, 180, "Ringing")
    supervisor.wait(CallState, state="ringing")
    far.answer_call(invite, offer(42000, "0 101"))
    far.expect("ACK")
    started = worker.wait(StartMedia, answered=True)
    assert (started.media.remote_rtp_port, started.media.codec) == (42000, "g711_ulaw")
    supervisor.wait(CallState, state="in_progress")
    far.again("BYE")
    far.expect(200)
    worker.wait(CloseCall, sid=sid)
    assert supervisor.final().cause == "callee_hangup"
    states = [state.state for state in supervisor.all(CallState, sid=sid)]
    assert states == ["dialing", "ringing", "in_progress", "completed"]


def test_early_media_is_not_an_answer(far: Phone, server: SipServer):
    worker, supervisor = server.worker(), server.supervisor()
    originate(supervisor)
    invite = far.expect("INVITE")
    far.reply(invite, 183, "Session Progress", offer(42000, "8 101"))
    early = worker.started()
    assert (early.answered, early.media.remote_rtp_port) == (False, 42000)
    far.answer_call(invite, offer(42000, "8 101"))
    far.expect("ACK")
    assert worker.wait(StartMedia, answered=True).media.codec == "g711_alaw"
    supervisor.send(Hangup(sid=worker.opened().sid))
    bye = far.expect("BYE")
    far.reply(bye, 200)
    ended = supervisor.final()
    assert (ended.state, ended.cause) == ("completed", "plugin_hangup")


@pytest.mark.parametrize(
    ("code", "state"), [(486, "failed"), (404, "failed"), (603, "failed"), (480, "no_answer")]
)
def test_the_far_sides_refusal_is_told(far: Phone, server: SipServer, code: int, state: str):
    server.worker()
    supervisor = server.supervisor()
    originate(supervisor)
    invite = far.expect("INVITE")
    far.reply(invite, 180, "Ringing")
    far.reply(invite, code, "Sorry")
    far.expect("ACK")
    ended = supervisor.final()
    assert (ended.state, ended.code, ended.reason) == (state, code, "Sorry")


def test_it_rings_for_so_long_and_no_longer(far: Phone, server: SipServer):
    worker, supervisor = server.worker(), server.supervisor()
    sid = originate(supervisor).sid
    invite = far.expect("INVITE")
    far.reply(invite, 180, "Ringing")
    cancel = far.expect("CANCEL")
    far.reply(cancel, 200)
    far.reply(invite, 487, "Request Terminated")
    far.expect("ACK")
    ended = supervisor.final()
    assert (ended.state, ended.code, ended.cause) == ("no_answer", 487, "ring_timeout")
    worker.wait(CloseCall, sid=sid)


def test_a_lost_model_cancels_it(far: Phone, server: SipServer):
    worker, supervisor = server.worker(ready=False), server.supervisor()
    sid = originate(supervisor).sid
    invite = far.expect("INVITE")
    far.reply(invite, 180, "Ringing")
    worker.send(ModelFailed(sid=sid, code="refused", reason="no such agent"))
    far.reply(far.expect("CANCEL"), 200)
    far.reply(invite, 487, "Request Terminated")
    assert (supervisor.final().state, supervisor.final().cause) == ("failed", "model_failed")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"agent_name": "nobody"}, 404),
        ({"trunk": "other"}, 503),
        ({"number": "a b@c"}, 484),
        ({"number": "x" * 500}, 484),
    ],
)
def test_what_cannot_be_called_is_refused_at_once(server: SipServer, fields: dict, code: int):
    server.worker()
    answer = originate(server.supervisor(), **fields)
    assert (answer.sid, answer.code) == ("", code)


def test_without_a_worker_there_is_no_call(server: SipServer):
    assert originate(server.supervisor()).code == 503
