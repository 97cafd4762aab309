"""Call control alone: literal timelines, events and messages in, actions out."""

import pytest

from sip_plugin.media.description import Direction
from sip_plugin.planes.messages import (
    CallState,
    CloseCall,
    Drain,
    EndCall,
    Hangup,
    ModelFailed,
    ModelReady,
    OpenCall,
    Originate,
    OriginateAnswer,
    StartMedia,
    TransferCall,
)
from sip_plugin.sip.actions import Answer, Dial, HangUp, Refer
from sip_plugin.sip.ending import END_SECS
from sip_plugin.sip.events import (
    Accept,
    Confirmed,
    Ended,
    MediaChanged,
    Progress,
    Refuse,
    TransferProgress,
)
from tests.sip.story import MEDIA, TRUNK, Story, to_worker, told


def test_an_inbound_call_from_first_to_last():
    story = Story()
    decision, actions = story.invite()
    assert isinstance(decision, Accept)
    assert (decision.local.address, decision.local.port) == ("toward 192.0.2.9", 10)
    opened, rings, state = actions
    assert isinstance(opened.message, OpenCall) and opened.message.lease_id == "w.10"
    assert rings == Answer("s1", 180)
    assert state.message.state == "ringing"

    assert story.control.on_message("w", ModelReady(sid="s1"), 2.0) == [Answer("s1", 200)]
    (start,) = story.control.on_event(MediaChanged("s1", MEDIA), 2.1)
    assert start.message == StartMedia(sid="s1", media=MEDIA, answered=True)
    assert told(story.control.on_event(Confirmed("s1"), 2.2))[0].state == "in_progress"

    held = MEDIA.model_copy(update={"direction": Direction.RECVONLY})
    (start,) = story.control.on_event(MediaChanged("s1", held), 5.0)
    assert start.message.media.direction is Direction.RECVONLY

    actions = story.control.on_event(Ended("s1", 200, "Normal call clearing", False), 9.0)
    assert to_worker(actions) == [CloseCall(sid="s1", reason="caller_hangup")]
    assert (told(actions)[0].state, told(actions)[0].cause) == ("completed", "caller_hangup")
    assert story.pool.count("w") == (0, 1)
    assert story.control.sids == []


def test_only_the_headers_that_a_trunk_names_reach_the_agent():
    sent = {"x-account": "7", "x-other": "8", "x-acme-id": "9"}
    for allowed, names in [
        (["X-*"], {"x-account", "x-other", "x-acme-id"}),
        (["X-Account", "x-acme-*"], {"x-account", "x-acme-id"}),
        ([], set()),
    ]:
        story = Story(tables={"trunks": {"main": {**TRUNK, "agent_headers": allowed}}})
        _, actions = story.invite(headers=sent)
        assert set(actions[0].message.headers) == names


def test_the_public_address_goes_before_the_bound_one():
    decision, _ = Story(public_address="203.0.113.5").invite()
    assert decision.local.address == "203.0.113.5"
    decision, _ = Story(address="198.51.100.1").invite()
    assert decision.local.address == "198.51.100.1"


def test_a_trunks_public_address_goes_before_that_of_all():
    tables = {"trunks": {"main": {**TRUNK, "public_address": "192.0.2.9"}}}
    decision, _ = Story(public_address="203.0.113.5", tables=tables).invite()
    assert decision.local.address == "192.0.2.9"


def test_a_model_that_says_nothing_is_given_up():
    story = Story()
    story.invite()
    assert story.control.tick(5.9) == []
    hang_up, close = story.control.tick(6.0)
    assert (hang_up.code, close.message.reason) == (503, "model_failed")
    actions = story.control.on_event(Ended("s1", 503, "Service Unavailable", True), 6.1)
    assert (told(actions)[0].state, told(actions)[0].code) == ("failed", 503)


def test_a_200_that_nobody_acknowledges_is_taken_back():
    story = Story()
    story.invite()
    story.control.on_message("w", ModelReady(sid="s1"), 1.0)
    assert story.control.tick(10.9) == []
    hang_up = story.control.tick(11.0)[0]
    assert hang_up.headers == (("Reason", 'SIP;cause=408;text="the 200 was not acknowledged"'),)
    story.control.on_event(Ended("s1", 408, "", True), 11.1)
    story.invite("s2", 11.2)
    decision, _ = story.invite("s3", 11.3)
    assert isinstance(decision, Refuse) and decision.code == 503, "one unconfirmed call at a time"


def test_the_limit_is_486_and_the_drain_503():
    story = Story()
    story.answered("s1")
    story.answered("s2")
    decision, actions = story.invite("s3")
    assert (decision.code, told(actions)[0].code) == (486, 486)
    story.control.drain(Drain(retry_after_secs=30).retry_after_secs)
    decision, _ = story.invite("s4")
    assert decision == Refuse(503, "Service Unavailable", (("Retry-After", "30"),))


def test_a_far_side_that_does_not_answer_the_bye_is_not_waited_for():
    story = Story()
    story.answered()
    actions = story.control.hangup(Hangup(sid="s1"), 5.0)
    assert isinstance(actions[0], HangUp) and to_worker(actions)[0].sid == "s1"
    assert story.control.hangup(Hangup(sid="s1"), 5.1) == [], "once is enough"
    assert story.control.tick(5.0 + END_SECS - 0.1) == []
    (final,) = told(story.control.tick(5.0 + END_SECS))
    assert (final.state, final.cause) == ("completed", "plugin_hangup")
    assert story.control.on_event(Ended("s1", 200, "OK", True), 20.0) == []


def test_a_worker_speaks_for_its_own_calls_only():
    story = Story()
    story.answered()
    ask = EndCall(sid="s1", cause="model_hangup", reason="bye")
    assert story.control.on_message("another", ask, 5.0) == []
    assert story.control.on_message("w", ask.model_copy(update={"sid": "unknown"}), 5.0) == []
    assert isinstance(story.control.on_message("w", ask, 5.0)[0], HangUp)


def test_a_lost_worker_is_not_spoken_to():
    story = Story()
    story.answered()
    actions = story.control.worker_lost("w", 5.0)
    assert [type(action) for action in actions] == [HangUp]
    (final,) = told(story.control.on_event(Ended("s1", 200, "OK", True), 5.1))
    assert (final.state, final.cause) == ("failed", "worker_lost")


def test_an_outbound_call_with_early_media():
    story = Story()
    actions = story.control.originate(
        Originate(request_id="r", number="+1 (555) 1#", agent_name="parrot"), 0.0
    )
    answer, opened, state, dial = actions
    sid = answer.message.sid
    assert isinstance(opened.message, OpenCall)
    assert state.message.state == "dialing"
    assert isinstance(dial, Dial) and dial.uri == "sip:+15551%23@192.0.2.9"
    assert story.control.on_message("w", ModelReady(sid=sid), 1.0) == []
    assert told(story.control.on_event(Progress(sid, 183, ""), 1.0))[0].state == "ringing"
    assert story.control.on_event(Progress(sid, 180, ""), 1.1) == []
    (early,) = to_worker(story.control.on_event(MediaChanged(sid, MEDIA), 1.2))
    assert early.answered is False
    actions = story.control.on_event(Confirmed(sid), 4.0)
    assert to_worker(actions)[0].answered is True
    assert told(actions)[0].state == "in_progress"
    assert story.control.tick(100.0) == [], "nothing expires in a call that runs"


@pytest.mark.parametrize(
    ("rang", "code", "reason", "state", "cause", "by"),
    [
        (True, 480, "", "no_answer", "no_answer", "callee"),
        (True, 408, "", "no_answer", "no_answer", "callee"),
        (True, 486, "", "failed", "busy", "callee"),
        (False, 600, "", "failed", "busy", "callee"),
        (False, 480, "", "failed", "rejected", "callee"),
        (False, 480, "Q.850;cause=19", "no_answer", "no_answer", "callee"),
        (False, 408, "", "failed", "no_response", "network"),
        (True, 603, "", "failed", "rejected", "callee"),
        (False, 403, "", "failed", "rejected", "callee"),
        (False, 404, "", "failed", "unknown_number", "callee"),
        (False, 484, "", "failed", "unknown_number", "callee"),
        (False, 488, "", "failed", "media_refused", "callee"),
        (False, 503, "", "failed", "trunk_failed", "network"),
        (False, 503, 'Q.850 ;cause=17 ;text="User busy"', "failed", "busy", "callee"),
        (False, 500, "SIP;cause=600, q.850; cause=1", "failed", "unknown_number", "callee"),
        (False, 486, "Q.850;cause=999", "failed", "busy", "callee"),
        (False, 403, "Q.850;cause=", "failed", "rejected", "callee"),
    ],
)
def test_how_an_outbound_call_fails(rang, code, reason, state, cause, by):
    story = Story()
    sid = story.originate()
    if rang:
        story.control.on_event(Progress(sid, 180, ""), 1.0)
    final = told(story.control.on_event(Ended(sid, code, "Sorry", False, reason), 2.0))[0]
    assert (final.state, final.code, final.reason, final.cause) == (state, code, "Sorry", cause)
    assert (final.ended_by, final.far_reason) == (by, reason)


def test_ringing_ends_in_time():
    story = Story()
    sid = story.originate()
    story.control.on_message("w", ModelReady(sid=sid), 1.0)
    assert story.control.tick(29.9) == []
    assert story.control.tick(30.0)[0] == HangUp(
        sid,
        487,
        "Request Terminated",
        (("Reason", 'SIP;cause=487;text="not answered in time"'),),
    )


def test_a_call_that_cannot_be_sent_fails_at_once():
    story = Story()
    sid = story.originate()
    actions = story.control.stack_refused(sid, "no route", 0.0)
    assert to_worker(actions)[0] == CloseCall(sid=sid, reason="sip_failed")
    assert (told(actions)[0].state, told(actions)[0].reason) == ("failed", "no route")


def test_originating_is_refused_without_a_port_or_while_draining():
    story = Story()
    ask = Originate(request_id="r", number="+1", agent_name="parrot")
    story.pool.take("x"), story.pool.take("y")
    assert story.control.originate(ask, 0.0)[0].message == OriginateAnswer(
        request_id="r", code=503, reason="no worker has a free RTP port"
    )
    story.control.drain(5)
    assert story.control.originate(ask, 0.0)[0].message.reason == "the plugin is draining"


def test_a_transfer_ends_the_call_or_is_told_to_have_failed():
    story = Story()
    story.answered()
    ask = TransferCall(sid="s1", target="+2")
    assert story.control.on_message("w", ask, 5.0) == [Refer("s1", "sip:+2@192.0.2.9")]
    (busy,) = told(story.control.on_message("w", ask, 5.1))
    assert (busy.event, busy.data["reason"]) == ("transfer_failed", "one is under way")
    ringing = story.control.on_event(TransferProgress("s1", 180, "Ringing", False), 6.0)
    assert [m.state for m in to_worker(ringing)] == ["ringing"]
    assert story.control.on_event(TransferProgress("s1", 180, "Ringing", False), 6.1) == []
    actions = story.control.on_event(TransferProgress("s1", 486, "Busy", True), 7.0)
    (failed,) = told(actions)
    assert failed.data == {"code": 486, "reason": "Busy"}
    (model,) = to_worker(actions)
    assert (model.state, model.code, model.reason) == ("failed", 486, "Busy")

    story.control.on_message("w", ask, 8.0)
    (late,) = told(story.control.tick(38.0))
    assert late.data["code"] == 408

    story.control.on_message("w", ask, 40.0)
    actions = story.control.on_event(TransferProgress("s1", 200, "OK", True), 41.0)
    assert isinstance(actions[0], HangUp)
    final = told(story.control.on_event(Ended("s1", 200, "OK", True), 41.1))[0]
    assert (final.state, final.cause) == ("completed", "transferred")


def test_a_model_lost_in_mid_call_ends_it():
    story = Story()
    story.answered()
    actions = story.control.on_message(
        "w", ModelFailed(sid="s1", code="closed", reason='it "died"\r\nX: y'), 5.0
    )
    assert actions[0].headers[0][0] == "Reason"
    assert "\"closed: it 'died'" in actions[0].headers[0][1]


def test_a_new_supervisor_learns_of_running_calls():
    story = Story()
    story.answered()
    assert [(state.sid, state.state) for state in story.control.states()] == [("s1", "in_progress")]
    assert all(isinstance(state, CallState) for state in story.control.states())
