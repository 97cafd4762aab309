"""REFER from the far side: refused unless the route allows the target; then the agent, with its
session and its port, speaks with the target (RFC 3515)."""

import time

import pytest

from sip_plugin.planes.messages import (
    CallEvent,
    CloseCall,
    EndCall,
    OpenCall,
    StartMedia,
    TransferCall,
)
from tests.sip.phone import offer


@pytest.fixture
def server(start_sip, far):
    trunk = {**far.trunk, "sip_username": "plugin", "max_ring_secs": 2.0}
    default = {"agent": "parrot", "accept_refer": ["_+4930X.", "112", "+4989", "desk"]}
    outbound = {"allow": ["_+4930."], "countries": ["DE"], "forbid": ["+4989"]}
    return start_sip(trunks={"main": trunk}, dialplan={"default": default, "outbound": outbound})


class Caller:
    """A phone in a call, which wants the agent to speak with someone else."""

    def __init__(self, server) -> None:
        self.worker, self.watcher = server.worker(), server.supervisor()
        self.phone = server.phone()
        self.answer = self.phone.call()
        self.sid = self.worker.started().sid

    def refer(self, target: str, headers: str = "") -> int:
        self.phone.again("REFER", headers=f"Refer-To: {target}\r\n{headers}")
        return self.phone.expect(202, 400, 481, 491, 603).code

    def notified(self, code: int, state: str = "active") -> None:
        notify = self.phone.expect("NOTIFY")
        assert notify.body.strip().startswith(f"SIP/2.0 {code}"), notify.body
        assert notify.headers["event"] == f"refer;id={self.phone.cseq}"
        assert notify.headers["subscription-state"].startswith(state)
        assert notify.headers["content-type"].startswith("message/sipfrag")
        self.phone.reply(notify, 200)


def test_the_agent_goes_on_with_the_target(server, far):
    caller = Caller(server)
    assert caller.refer("<sip:+493012@x.invalid;user=phone>", "Referred-By: <sip:me@x>\r\n") == 202
    caller.notified(100)
    invite = far.expect("INVITE")
    assert invite.start.startswith(f"INVITE sip:+493012@127.0.0.1:{far.port}")
    assert invite.headers["referred-by"] == "<sip:me@x>"
    assert invite.port == caller.answer.port, "the media port is the call's own"
    far.reply(invite, 180, "Ringing")
    caller.notified(180)
    far.answer_call(invite, offer(42000, "8 101"))
    far.expect("ACK")
    caller.notified(200, "terminated;reason=noresource")
    caller.phone.reply(caller.phone.expect("BYE"), 200)
    moved = caller.worker.wait(StartMedia, 2)
    assert (moved.sid, moved.media.remote_rtp_port) == (caller.sid, 42000)
    assert moved.media.codec == "g711_alaw" and moved.media.direction == "sendrecv"
    assert caller.watcher.wait(CallEvent, event="moved").data == {"by": "+493012"}
    assert len(caller.worker.all(OpenCall)) == 1, "the model's session is the same"
    assert not caller.worker.all(CloseCall)
    far.again("BYE")
    far.expect(200)
    ended = caller.watcher.final()
    assert (ended.sid, ended.cause, ended.state) == (caller.sid, "caller_hangup", "completed")


def test_a_target_that_refuses_leaves_the_call_as_it_was(server, far):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    caller.notified(100)
    invite = far.expect("INVITE")
    far.reply(invite, 486, "Busy Here")
    far.expect("ACK")
    caller.notified(486, "terminated")
    failed = caller.watcher.wait(CallEvent, event="takeover_failed")
    assert failed.data["code"] == 486
    assert len(caller.worker.all(StartMedia)) == 1
    assert caller.refer("<sip:desk@127.0.0.1>") == 202, "it may be tried again"
    far.expect("INVITE")
    caller.phone.hang_up()


def test_a_target_that_does_not_answer_is_given_up(server, far):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    caller.notified(100)
    invite = far.expect("INVITE")
    far.reply(invite, 180, "Ringing")
    caller.notified(180)
    caller.notified(408, "terminated")
    cancel = far.expect("CANCEL")
    far.reply(cancel, 200)
    far.reply(invite, 487, "Request Terminated")
    caller.phone.hang_up()


def test_a_second_one_waits_for_the_first(server, far):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    invite = far.expect("INVITE")
    assert caller.refer("<sip:desk@127.0.0.1>") == 491
    far.reply(invite, 486, "Busy Here")
    caller.phone.hang_up()


@pytest.mark.parametrize("attended", [False, True])
def test_meanwhile_the_agent_transfers_nobody(server, far, attended):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    invite = far.expect("INVITE")
    caller.worker.send(TransferCall(sid=caller.sid, target="+493013", attended=attended))
    failed = caller.watcher.wait(CallEvent, event="transfer_failed")
    assert failed.data["reason"] == "one is under way"
    far.reply(invite, 486, "Busy Here")
    far.expect("ACK")
    caller.phone.hang_up()


def test_whoever_goes_before_the_target_answers_leaves_the_agent_waiting(server, far):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    invite = far.expect("INVITE")
    caller.phone.again("BYE")
    caller.phone.expect(200)
    waiting = caller.worker.wait(StartMedia, 2)
    assert waiting.media.direction == "inactive"
    far.answer_call(invite, offer(42000))
    far.expect("ACK")
    moved = caller.worker.wait(StartMedia, 3)
    assert (moved.media.remote_rtp_port, moved.media.direction) == (42000, "sendrecv")
    caller.worker.send(EndCall(sid=caller.sid, cause="model_hangup", reason="done"))
    far.reply(far.expect("BYE"), 200)
    assert caller.watcher.final().cause == "model_hangup"


def test_when_nobody_is_left_the_call_has_failed(server, far):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    invite = far.expect("INVITE")
    caller.phone.again("BYE")
    caller.phone.expect(200)
    far.reply(invite, 404, "Not Found")
    far.expect("ACK")
    ended = caller.watcher.final()
    assert (ended.cause, ended.code, ended.state) == ("transfer_failed", 404, "failed")
    caller.worker.wait(CloseCall, sid=caller.sid)


def test_an_agent_that_hangs_up_meanwhile_ends_both(server, far):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    invite = far.expect("INVITE")
    far.reply(invite, 180, "Ringing")
    caller.watcher.wait(CallEvent, event="referred")
    caller.worker.send(EndCall(sid=caller.sid, cause="model_hangup", reason="done"))
    caller.phone.reply(caller.phone.expect("BYE"), 200)
    far.reply(far.expect("CANCEL"), 200)
    far.reply(invite, 487, "Request Terminated")
    assert caller.watcher.final().cause == "model_hangup"


@pytest.mark.parametrize(
    "target",
    ["<sip:+49891@127.0.0.1>", "<sip:+4989@127.0.0.1>", "<sip:112@127.0.0.1>", "<sip:two%20@x>"],
)
def test_what_route_or_outbound_rules_do_not_allow_is_refused(server, target):
    caller = Caller(server)
    assert caller.refer(target) == 603
    assert caller.watcher.wait(CallEvent, event="transfer_refused").data["reason"]
    caller.phone.hang_up()


@pytest.mark.parametrize(
    "target",
    [
        "",
        "<>",
        "<sip:desk>",
        "<http://example.net/>",
        "<sip:desk@127.0.0.1;method=BYE>",
        "<sip:desk@127.0.0.1?Replaces=a>",
        "<sip:desk@127.0.0.1>\r\nRefer-To: <sip:desk@127.0.0.1>",
        "<sip:" + "a" * 2000 + "@127.0.0.1>",
    ],
)
def test_what_cannot_be_read_gets_400(server, target):
    caller = Caller(server)
    assert caller.refer(target) == 400
    caller.phone.hang_up()


def test_the_replaces_of_a_target_goes_into_the_invite(server, far):
    caller = Caller(server)
    text = "abc%40x%3Bto-tag%3D1%3Bfrom-tag%3D2"
    assert caller.refer(f"<sip:desk@127.0.0.1?Replaces={text}&Subject=x>") == 202
    invite = far.expect("INVITE")
    assert invite.headers["replaces"] == "abc@x;to-tag=1;from-tag=2"
    assert "subject" not in invite.headers
    far.reply(invite, 486, "Busy Here")
    caller.phone.hang_up()


def test_a_wrong_tag_gets_481(server):
    caller = Caller(server)
    kept, caller.phone.tag = caller.phone.tag, "other"
    assert caller.refer("<sip:desk@127.0.0.1>") == 481
    caller.phone.tag = kept
    caller.phone.hang_up()


@pytest.mark.parametrize("code", [481, 408, 489])
def test_who_refuses_the_reports_keeps_the_call_and_hears_no_more(server, far, code):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    caller.phone.reply(caller.phone.expect("NOTIFY"), code, "No")
    invite = far.expect("INVITE")
    far.reply(invite, 180, "Ringing")
    far.answer_call(invite, offer(42000))
    far.expect("ACK")
    bye = caller.phone.receive()
    assert bye.method == "BYE", "no further NOTIFY, and no BYE before the target has answered"
    caller.phone.reply(bye, 200)
    assert caller.watcher.wait(CallEvent, event="moved")
    assert f"a NOTIFY got {code}" in server.log
    far.again("BYE")
    assert caller.watcher.final().cause == "caller_hangup"


def test_who_never_answers_the_reports_keeps_the_call(server, far):
    caller = Caller(server)
    assert caller.refer("<sip:desk@127.0.0.1>") == 202
    invite = far.expect("INVITE")
    far.reply(invite, 486, "Busy Here")
    far.expect("ACK")
    deadline = time.monotonic() + 12  # the stack's own patience is 10 s
    while (left := deadline - time.monotonic()) > 0:
        message = caller.phone.receive(left)
        assert message is None or message.method == "NOTIFY", message.start
    caller.phone.hang_up()
    assert caller.watcher.final().cause == "caller_hangup"


@pytest.mark.parametrize("text", ["false", "False ;x=1"])
def test_who_wants_no_reports_gets_none(server, far, text):
    caller = Caller(server)
    headers = f"Refer-To: <sip:desk@127.0.0.1>\r\nRefer-Sub: {text}\r\nRequire: norefersub\r\n"
    caller.phone.again("REFER", headers=headers)
    answer = caller.phone.expect(202)
    assert answer.headers["refer-sub"] == "false"
    invite = far.expect("INVITE")
    far.reply(invite, 180, "Ringing")
    far.answer_call(invite, offer(42000))
    assert caller.phone.receive().method == "BYE"
    assert caller.watcher.wait(CallEvent, event="moved")


def test_who_wants_reports_is_told_of_no_refer_sub(server, far):
    caller = Caller(server)
    caller.phone.again("REFER", headers="Refer-To: <sip:desk@127.0.0.1>\r\nRefer-Sub: true\r\n")
    assert "refer-sub" not in caller.phone.expect(202).headers
    caller.notified(100)
