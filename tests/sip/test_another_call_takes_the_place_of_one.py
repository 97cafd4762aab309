"""INVITE with Replaces (RFC 3891): refused unless the route allows it; then the new call has the
old one's agent, session and port."""

import re

import pytest

from sip_plugin.planes.messages import CallEvent, CallRefused, CloseCall, OpenCall, StartMedia
from tests.sip.phone import offer


@pytest.fixture
def server(start_sip):
    return start_sip(dialplan={"default": {"agent": "parrot", "accept_replaces": True}})


class Standing:
    """A call that stands, and who wants its place."""

    def __init__(self, server) -> None:
        self.worker, self.watcher = server.worker(), server.supervisor()
        self.old, self.new = server.phone(), server.phone(user="+15550002222")
        self.answer = self.old.call()
        self.sid = self.worker.started().sid
        self.tag = re.search(r"tag=([^;>\s]+)", self.answer.headers["to"])[1]

    def replaces(self, call_id: str = "", to_tag: str = "", from_tag: str = "", more="") -> str:
        named = f"{call_id or self.old.call_id};to-tag={to_tag or self.tag}"
        return f"Replaces: {named};from-tag={from_tag or self.old.tag}{more}\r\n"

    def refused(self, headers: str, code: int, body: str | None = None) -> None:
        self.new.invite(headers=headers, body=body)
        answer = self.new.final()
        assert answer.code == code, answer.start
        self.new.ack(answer)
        assert len(self.worker.all(StartMedia)) == 1 and not self.worker.all(CloseCall)
        self.old.hang_up()
        assert self.watcher.final().cause == "caller_hangup"


def test_the_session_goes_on_with_the_new_call(server):
    calls = Standing(server)
    calls.new.invite(headers=calls.replaces() + "Require: replaces\r\n", body=offer(42000, "8 101"))
    answer = calls.new.final()
    assert answer.code == 200, answer.head
    assert answer.port == calls.answer.port
    assert len(calls.worker.all(StartMedia)) == 1, "until the ACK the old call has it"
    calls.new.ack(answer)
    calls.old.reply(calls.old.expect("BYE"), 200)
    moved = calls.worker.wait(StartMedia, 2)
    assert (moved.sid, moved.media.remote_rtp_port) == (calls.sid, 42000)
    assert calls.watcher.wait(CallEvent, event="replaced").data == {"by": "+15550002222"}
    assert len(calls.worker.all(OpenCall)) == 1 and not calls.worker.all(CloseCall)
    calls.new.hang_up()
    ended = calls.watcher.final()
    assert (ended.sid, ended.cause) == (calls.sid, "caller_hangup")


def test_it_can_be_replaced_again(server):
    calls = Standing(server)
    first = calls.new
    for number in (2, 3):
        calls.new.invite(headers=calls.replaces())
        answer = calls.new.final()
        assert answer.code == 200
        calls.new.ack(answer)
        calls.old.reply(calls.old.expect("BYE"), 200)
        calls.worker.wait(StartMedia, number)
        calls.tag = re.search(r"tag=([^;>\s]+)", answer.headers["to"])[1]
        calls.old, calls.new = calls.new, server.phone()
    assert calls.old is not first
    calls.old.hang_up()
    assert calls.watcher.final().sid == calls.sid


def test_the_wrong_dialog_gets_481(server):
    calls = Standing(server)
    for wrong in ({"call_id": "other"}, {"to_tag": "other"}, {"from_tag": "other"}):
        calls.new.invite(headers=calls.replaces(**wrong))
        answer = calls.new.final()
        assert answer.code == 481, (wrong, answer.start)
        calls.new.ack(answer)
    calls.refused(calls.replaces(to_tag=calls.old.tag, from_tag=calls.tag), 481)


def test_early_only_does_not_take_an_answered_call(server):
    calls = Standing(server)
    calls.refused(calls.replaces(more=";early-only"), 486)


def test_media_that_cannot_be_agreed_on_leaves_the_old_call(server):
    calls = Standing(server)
    calls.refused(calls.replaces(), 488, offer(42000, "18"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b;to-tag=1;from-tag=2",
        "x;to-tag=1",
        "x;to-tag=1;to-tag=1;from-tag=2",
        "x;to-tag=1;from-tag=2\r\nReplaces: y;to-tag=1;from-tag=2",
        "x;to-tag=" + "1" * 600 + ";from-tag=2",
    ],
)
def test_what_cannot_be_read_gets_400(server, text):
    calls = Standing(server)
    calls.refused(f"Replaces: {text}\r\n", 400)


def test_a_new_call_that_is_never_acknowledged_leaves_the_old_one(start_sip):
    server = start_sip(
        dialplan={"default": {"agent": "parrot", "accept_replaces": True}},
        sip={"answer_timeout_secs": 1.0},
    )
    calls = Standing(server)
    calls.new.invite(headers=calls.replaces())
    assert calls.new.final().code == 200
    calls.watcher.wait(CallEvent, event="takeover_failed")
    assert len(calls.worker.all(StartMedia)) == 1
    calls.old.hang_up()
    assert calls.watcher.final().sid == calls.sid


def test_an_old_call_that_ends_meanwhile_is_followed_by_the_new_one(server):
    calls = Standing(server)
    calls.new.invite(headers=calls.replaces())
    answer = calls.new.final()
    calls.old.hang_up()
    assert calls.worker.wait(StartMedia, 2).media.direction == "inactive"
    calls.new.ack(answer)
    assert calls.worker.wait(StartMedia, 3).media.direction == "sendrecv"
    calls.new.hang_up()
    assert calls.watcher.final().cause == "caller_hangup"


def test_another_trunk_may_not_take_it(start_sip):
    trunk = {"domain": "127.0.0.1:9", "require_registration": False}
    server = start_sip(
        trunks={
            "main": {**trunk, "allow_from": ["127.0.0.1"]},
            "other": {**trunk, "allow_from": ["127.0.0.2"]},
        },
        dialplan={"default": {"agent": "parrot", "accept_replaces": True}},
    )
    calls = Standing(server)
    calls.new.close()
    calls.new = server.phone(address="127.0.0.2")
    calls.refused(calls.replaces(), 481)
    assert "names no call of this trunk" in calls.watcher.wait(CallRefused, code=481).reason


def test_strangers_are_told_nothing(start_sip):
    server = start_sip(dialplan={"default": {"agent": "parrot", "accept_replaces": True}})
    calls = Standing(server)
    calls.new.close()
    calls.new = server.phone(address="127.0.0.3")
    calls.refused(calls.replaces(), 403)
