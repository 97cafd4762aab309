"""A call that we have made: REFER and Replaces of the called side, as the outbound rule allows."""

import re

import pytest

from sip_plugin.planes.messages import (
    CallEvent,
    CallState,
    Originate,
    OriginateAnswer,
    StartMedia,
    TransferCall,
)
from tests.sip.phone import Phone, offer

RULES = [
    {"numbers": ["+493011"]},
    {"accept_refer": ["_+4930X."], "accept_replaces": True},
]


@pytest.fixture
def server(start_sip, far):
    trunk = {**far.trunk, "sip_username": "plugin"}
    outbound = {"allow": ["_+4930."], "rules": RULES}
    return start_sip(
        trunks={"main": trunk},
        dialplan={"default": {"agent": "parrot", "accept_replaces": True}, "outbound": outbound},
    )


class Called:
    """A phone that we have called, and that has answered."""

    def __init__(self, server, far: Phone, number: str = "+493012") -> None:
        self.phone = far
        self.worker, self.watcher = server.worker(), server.supervisor()
        self.watcher.send(Originate(request_id="r", number=number, agent_name="parrot"))
        self.sid = self.watcher.wait(OriginateAnswer).sid
        self.invite = far.expect("INVITE")
        far.answer_call(self.invite, offer(41000, "0 101"))
        far.expect("ACK")
        self.watcher.wait(CallState, state="in_progress")

    def refer(self, target: str) -> int:
        self.phone.again("REFER", headers=f"Refer-To: {target}\r\nRefer-Sub: false\r\n")
        return self.phone.expect(202, 400, 481, 491, 603).code

    @property
    def replaces(self) -> str:
        ours = re.search(r"tag=([^;>\s]+)", self.phone.remote_to)[1]
        return f"Replaces: {self.phone.call_id};to-tag={ours};from-tag={self.phone.tag}\r\n"


def test_the_agent_goes_on_with_the_target(server, far):
    call = Called(server, far)
    assert call.refer("<sip:+493013@127.0.0.1>") == 202
    invite = far.expect("INVITE")
    assert invite.start.startswith(f"INVITE sip:+493013@127.0.0.1:{far.port}")
    assert invite.port == call.invite.port
    first = far.call_id
    far.tag = ""
    far.answer_call(invite, offer(42000, "0 101"))
    bye = far.expect("BYE")
    assert bye.headers["call-id"] == first
    far.reply(bye, 200)
    assert call.watcher.wait(CallEvent, event="moved").data == {"by": "+493013"}
    call.worker.wait_until(StartMedia, lambda told: told.media.remote_rtp_port == 42000)
    far.again("BYE")
    ended = call.watcher.final()
    assert (ended.sid, ended.cause, ended.direction) == (call.sid, "callee_hangup", "outbound")


def test_another_call_takes_its_place(server, far):
    call = Called(server, far)
    new = server.phone(user="+15550002222")
    new.invite(headers=call.replaces, body=offer(43000, "0 101"))
    answer = new.final()
    assert (answer.code, answer.port) == (200, call.invite.port)
    new.ack(answer)
    far.reply(far.expect("BYE"), 200)
    assert call.watcher.wait(CallEvent, event="replaced").data == {"by": "+15550002222"}
    call.worker.wait_until(StartMedia, lambda told: told.media.remote_rtp_port == 43000)
    new.hang_up()
    assert call.watcher.final().sid == call.sid


def test_a_rule_that_says_nothing_allows_nothing(server, far):
    call = Called(server, far, "+493011")
    assert call.refer("<sip:+493013@127.0.0.1>") == 603
    refused = call.watcher.wait(CallEvent, event="transfer_refused")
    assert refused.data["reason"] == "the outbound rule has no accept_refer"
    new = server.phone()
    new.invite(headers=call.replaces)
    answer = new.final()
    assert answer.code == 486
    new.ack(answer)
    far.again("BYE")
    assert call.watcher.final().cause == "callee_hangup"


@pytest.mark.parametrize("target", ["<sip:+4989@127.0.0.1>", "<sip:112@127.0.0.1>"])
def test_other_targets_are_refused(server, far, target):
    assert Called(server, far).refer(target) == 603


def test_the_target_of_an_attended_transfer_is_not_sent_on(server, far):
    worker, watcher = server.worker(), server.supervisor()
    caller = server.phone()
    caller.call()
    sid = worker.started().sid
    worker.send(TransferCall(sid=sid, target="+493012", attended=True))
    asked = caller.expect("INVITE")
    caller.reply(asked, 200, "OK", offer(40000, "0 101", extra="a=recvonly\r\n"))
    far.answer_call(far.expect("INVITE"), offer(41000, "0 101"))
    far.expect("ACK")
    watcher.wait(CallState, state="in_progress", direction="outbound")
    far.again("REFER", headers="Refer-To: <sip:+493013@127.0.0.1>\r\n")
    assert far.expect(202, 491, 603).code == 491
