"""Prompts, transfers and fallbacks, on literal timelines of call control."""

import pytest

from sip_plugin.planes.messages import (
    CloseCall,
    EndCall,
    ModelFailed,
    ModelReady,
    OpenCall,
    PlayPrompt,
    PromptEnded,
    PromptSpec,
    StartMedia,
    TransferCall,
)
from sip_plugin.sip.actions import Answer, HangUp, Refer
from sip_plugin.sip.events import Accept, Confirmed, Ended, MediaChanged, TransferProgress
from tests.sip.story import AGENT, MEDIA, Story, to_worker, told

OUTBOUND = {"allow": ["_+1."]}


def planned(route: dict, agents: dict | None = None, **plan) -> Story:
    plan = {"routes": [{"number": "2", **route}], "outbound": OUTBOUND, **plan}
    return Story(tables={"agents": agents or {"a": AGENT, "b": AGENT}, "dialplan": plan})


def answered(story: Story, sid: str = "s1", now: float = 1.0) -> list:
    """From the INVITE to the ACK; what the ACK brings."""
    story.invite(sid)
    assert story.control.on_message("w", ModelReady(sid=sid), now) == [Answer(sid, 200)]
    story.control.on_event(MediaChanged(sid, MEDIA), now)
    return story.control.on_event(Confirmed(sid), now)


def test_a_prompt_is_played_and_the_call_ends_with_its_cause():
    story = planned({"prompt": "/closed.wav", "prompt_times": 2, "hangup_cause": 31})
    decision, actions = story.invite()
    assert isinstance(decision, Accept)
    opened = to_worker(actions)[0]
    assert isinstance(opened, OpenCall)
    assert (opened.agent, opened.agent_name) == (None, "")
    assert opened.prompt == PromptSpec(file="/closed.wav", times=2)
    story.control.on_message("w", ModelReady(sid="s1"), 1.0)
    (start,) = to_worker(story.control.on_event(MediaChanged("s1", MEDIA), 1.1))
    assert isinstance(start, StartMedia)
    assert told(story.control.on_event(Confirmed("s1"), 1.2))[0].state == "in_progress"
    hang_up, close = story.control.on_message("w", PromptEnded(sid="s1"), 9.0)
    assert hang_up == HangUp("s1", 0, "OK", (("Reason", "Q.850;cause=31"),))
    assert close.message == CloseCall(sid="s1", reason="prompt_ended")
    final = told(story.control.on_event(Ended("s1", 200, "", True), 9.1))[0]
    assert (final.state, final.cause, final.agent_name) == ("completed", "prompt_ended", "")


def test_a_prompt_that_is_over_before_the_ack_waits_for_it():
    story = planned({"prompt": "/closed.wav"})
    story.invite()
    story.control.on_message("w", ModelReady(sid="s1"), 1.0)
    story.control.on_event(MediaChanged("s1", MEDIA), 1.0)
    assert story.control.on_message("w", PromptEnded(sid="s1"), 1.3) == []
    assert any(isinstance(a, HangUp) for a in story.control.on_event(Confirmed("s1"), 1.4))


def test_a_prompt_before_an_agent_is_the_workers_matter():
    story = planned({"prompt": "/hello.wav", "agents": ["a", "b"]})
    opened = to_worker(story.invite()[1])[0]
    assert (opened.agent_name, opened.prompt) == ("a", PromptSpec(file="/hello.wav"))
    failed = ModelFailed(sid="s1", code="x", reason="y", agent_name="a")
    (again,) = to_worker(story.control.on_message("w", failed, 1.0))
    assert (again.agent_name, again.prompt) == ("b", opened.prompt)


def test_a_prompt_rings_first_and_is_limited_like_an_agent():
    story = planned({"prompt": "/closed.wav", "ring_secs": 3, "max_calls": 1})
    story.invite()
    assert story.control.on_message("w", ModelReady(sid="s1"), 1.0) == []
    assert story.control.tick(3.0) == [Answer("s1", 200)]
    assert story.invite("s2", 3.0)[0].code == 486


def test_a_prompt_that_cannot_be_read_is_a_503():
    story = planned({"prompt": "/gone.wav"})
    story.invite()
    failed = ModelFailed(sid="s1", code="prompt_unplayable", reason="no such file")
    hang_up, _ = story.control.on_message("w", failed, 0.2)
    assert hang_up.code == 503
    story = planned({"prompt": "/slow.wav"})
    story.invite()
    assert story.control.tick(4.9) == []
    assert story.control.tick(5.0)[0].code == 503


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("+15551234567", "sip:+15551234567@192.0.2.9"),
        ("{called}00", "sip:200@192.0.2.9"),
        ("sip:desk@pbx.example.net", "sip:desk@pbx.example.net"),
        ("sip:pbx.example.net", "sip:pbx.example.net"),
    ],
)
def test_a_transfer_answers_and_refers(target: str, uri: str):
    story = planned({"transfer": target})
    actions = answered(story)
    assert Refer("s1", uri) in actions
    ringing = story.control.on_event(TransferProgress("s1", 180, "", False), 2.0)
    assert not any(isinstance(action, HangUp) for action in ringing)
    actions = story.control.on_event(TransferProgress("s1", 200, "OK", True), 3.0)
    assert isinstance(actions[0], HangUp)
    final = told(story.control.on_event(Ended("s1", 200, "", True), 3.1))[0]
    assert (final.state, final.cause) == ("completed", "transferred")


def test_a_transfer_after_a_prompt():
    story = planned({"transfer": "+15551234567", "prompt": "/wait.wav"})
    answered(story)
    assert story.control.on_message("w", PromptEnded(sid="s1"), 4.0) == [
        Refer("s1", "sip:+15551234567@192.0.2.9")
    ]


@pytest.mark.parametrize("target", ["+19005550123", "sip:+19005550123@pbx", "tel:911", "sip:911@x"])
def test_a_transfer_that_the_outbound_rules_refuse_ends_the_call(target: str):
    story = planned({"transfer": target}, outbound={"countries": ["US"]})
    actions = answered(story)
    failed = next(message for message in told(actions) if hasattr(message, "event"))
    assert (failed.event, failed.data["code"]) == ("transfer_failed", 403)
    assert isinstance(actions[-2], HangUp)
    final = told(story.control.on_event(Ended("s1", 200, "", True), 2.0))[0]
    assert (final.state, final.cause) == ("failed", "transfer_failed")


@pytest.mark.parametrize("how", ["refused", "silent", "not sent"])
def test_a_transfer_that_fails_ends_the_call(how: str):
    story = planned({"transfer": "+15551234567"})
    answered(story)
    match how:
        case "refused":
            actions = story.control.on_event(TransferProgress("s1", 486, "Busy", True), 2.0)
        case "silent":
            actions = story.control.tick(40.0)
        case _:
            actions = story.control.transfer_not_sent("s1", "no dialog", 2.0)
    assert told(actions)[0].event == "transfer_failed"
    assert any(isinstance(action, HangUp) for action in actions)


FALLBACK = {"prompt": "/sorry.wav", "hangup_cause": 41}


def fallen(**fallback) -> Story:
    agents = {"a": AGENT, "b": {**AGENT, "fallback": fallback}}
    return planned({"agents": ["a", "b"]}, agents)


def test_before_the_answer_the_fallback_comes_after_all_agents():
    story = fallen(**FALLBACK)
    story.invite()
    failed = ModelFailed(sid="s1", code="x", reason="y", agent_name="a")
    story.control.on_message("w", failed, 1.0)
    actions = story.control.on_message("w", failed.model_copy(update={"agent_name": "b"}), 2.0)
    (opened,) = to_worker(actions)
    assert (opened.again, opened.agent, opened.prompt.file) == (True, None, "/sorry.wav")
    assert told(actions)[0].event == "fallback"
    late = ModelReady(sid="s1", agent_name="b")
    assert story.control.on_message("w", late, 2.1) == [], "of an agent that was given up"
    assert story.control.on_message("w", ModelReady(sid="s1"), 2.2) == [Answer("s1", 200)]
    story.control.on_event(MediaChanged("s1", MEDIA), 2.3)
    story.control.on_event(Confirmed("s1"), 2.3)
    hang_up, _ = story.control.on_message("w", PromptEnded(sid="s1"), 5.0)
    assert hang_up.headers[0][1].endswith("Q.850;cause=41")
    final = told(story.control.on_event(Ended("s1", 200, "", True), 5.1))[0]
    assert (final.state, final.cause) == ("failed", "model_failed")


def lost(story: Story) -> list:
    """The model of an answered call is gone."""
    failed = ModelFailed(sid="s1", code="x", reason="y", agent_name="a")
    return story.control.on_message("w", failed, 5.0)


def test_during_the_call_the_fallback_is_played_then_it_transfers():
    agents = {"a": {**AGENT, "fallback": {"prompt": "/sorry.wav", "transfer": "+15551234567"}}}
    story = planned({"agent": "a"}, agents)
    answered(story)
    actions = lost(story)
    assert told(actions)[0].event == "fallback"
    assert to_worker(actions) == [PlayPrompt(sid="s1", prompt=PromptSpec(file="/sorry.wav"))]
    (refer,) = story.control.on_message("w", PromptEnded(sid="s1"), 8.0)
    assert isinstance(refer, Refer)
    assert isinstance(story.control.on_event(TransferProgress("s1", 200, "", True), 9.0)[0], HangUp)


def test_a_fallback_without_a_prompt_refers_at_once():
    story = planned({"agent": "a"}, {"a": {**AGENT, "fallback": {"transfer": "1001"}}})
    answered(story)
    assert isinstance(lost(story)[-1], Refer)


def test_a_fallback_whose_prompt_cannot_be_read_still_transfers():
    agents = {"a": {**AGENT, "fallback": {"prompt": "/sorry.wav", "transfer": "1001"}}}
    story = planned({"agent": "a"}, agents)
    answered(story)
    lost(story)
    failed = ModelFailed(sid="s1", code="prompt_unplayable", reason="gone")
    assert isinstance(story.control.on_message("w", failed, 6.0)[-1], Refer)


def test_an_empty_fallback_only_tells_a_cause():
    story = planned({"agent": "a"}, {"a": {**AGENT, "fallback": {"hangup_cause": 34}}})
    answered(story)
    hang_up = next(action for action in lost(story) if isinstance(action, HangUp))
    assert "Q.850;cause=34" in hang_up.headers[0][1]


def test_whom_we_call_is_not_rung_for_a_fallback():
    agents = {"parrot": {**AGENT, "fallback": FALLBACK}}
    story = Story(tables={"agents": agents})
    sid = story.originate()
    failed = ModelFailed(sid=sid, code="x", reason="y", agent_name="parrot")
    hang_up, _ = story.control.on_message("w", failed, 1.0)
    assert isinstance(hang_up, HangUp)


def test_a_caller_who_hangs_up_during_a_prompt_has_hung_up():
    story = planned({"prompt": "/closed.wav"})
    answered(story)
    final = told(story.control.on_event(Ended("s1", 200, "", False), 3.0))[0]
    assert final.cause == "caller_hangup"
    assert story.control.on_message("w", PromptEnded(sid="s1"), 3.1) == []


def test_a_model_cannot_transfer_to_an_address():
    story = planned({"agent": "a"})
    answered(story)
    ask = TransferCall(sid="s1", target="sip:desk@pbx.example.net")
    (failed,) = told(story.control.on_message("w", ask, 2.0))
    assert failed.event == "transfer_failed"
    ended = story.control.on_message("w", EndCall(sid="s1", cause="model_hangup", reason=""), 3.0)
    assert isinstance(ended[0], HangUp), "such a call goes on until somebody ends it"


REFUSED = {"prompt": "/gone.wav", "prompt_times": 2, "reject": 404}


def announced(**route) -> Story:
    """A call that hears why it will be refused."""
    story = planned({**REFUSED, **route})
    decision, actions = story.invite()
    assert isinstance(decision, Accept) and actions[1] == Answer("s1", 180)
    assert to_worker(actions)[0].prompt == PromptSpec(file="/gone.wav", times=2)
    assert story.control.on_message("w", ModelReady(sid="s1"), 1.0) == [Answer("s1", 183)]
    (start,) = to_worker(story.control.on_event(MediaChanged("s1", MEDIA), 1.0))
    assert (start.answered, start.early) == (False, "prompt")
    return story


def test_a_prompt_before_a_refusal_is_heard_without_an_answer():
    story = announced()
    assert story.control.tick(30.0) == []
    hang_up, close = story.control.on_message("w", PromptEnded(sid="s1"), 31.0)
    assert hang_up == HangUp("s1", 404, "Not Found")
    assert close.message == CloseCall(sid="s1", reason="refused")
    final = told(story.control.on_event(Ended("s1", 404, "Not Found", True), 31.1))[0]
    assert (final.state, final.cause, final.code) == ("failed", "refused", 404)


def test_it_is_cut_before_the_network_gives_the_call_up():
    story = announced()
    assert story.control.tick(170.9) == []
    assert story.control.tick(171.1)[0] == HangUp("s1", 404, "Not Found")


def test_without_its_file_the_refusal_is_told_at_once():
    story = planned(REFUSED)
    story.invite()
    failed = ModelFailed(sid="s1", code="prompt_unplayable", reason="no such file")
    assert story.control.on_message("w", failed, 0.2)[0] == HangUp("s1", 404, "Not Found")


def test_a_caller_who_hangs_up_meanwhile_has_cancelled():
    story = announced()
    final = told(story.control.on_event(Ended("s1", 487, "Request Terminated", False), 5.0))[0]
    assert final.cause == "cancelled"
