from dataclasses import replace

import numpy as np
import pytest

from sip_plugin.demo import speech
from sip_plugin.demo.expectations import self_interruptions
from sip_plugin.demo.measure import Outcome
from sip_plugin.demo.script import Caller, FellSilent, LineStarted, ReplyHeard, default_lines
from tests.demo.agents import PlainAgent, talk
from tests.demo.calls import a_good_call, record_of, turn_event


@pytest.fixture(scope="module")
def good():
    return a_good_call()


def test_a_call_as_scripted_passes_every_check(good):
    assert good.failures() == []
    assert len(good.checks()) >= 10


def test_a_call_that_nobody_answers_fails(good):
    call = replace(good, outcome=Outcome(False, False, 503, "Service Unavailable"))
    [failed] = [c for c in call.checks() if not c.ok]
    assert failed.seen == "never answered, ended by the plugin (503 Service Unavailable)"


@pytest.mark.parametrize("event", ["prime", "commit", "turn_latency", "cancel"])
def test_a_missing_turn_event_is_named(good, event):
    assert event in good.without(event).failures()


def test_a_commit_for_the_backchannel_fails(good):
    at = next(e.at_ms for e in good.caller if getattr(e, "line", "") == "backchannel")
    call = replace(good, plugin=[*good.plugin, turn_event("commit", at + 700, turn=99)])
    assert {"commit", "backchannel"} <= set(call.failures())


def test_a_backchannel_that_nobody_noticed_was_ignored_too(good):
    call = good.without("barge_in_rejected")
    assert call.failures() == []
    assert "not noticed" in {check.seen for check in call.checks()}


def test_a_plugin_that_is_wrong_about_what_was_heard_fails(good):
    plugin = [
        replace(e, data={**e.data, "heard_ms": 2500}) if e.event == "cancel" else e
        for e in good.plugin
    ]
    assert replace(good, plugin=plugin).failures() == ["heard_ms"]


def silenced(good, from_ms, to_ms):
    heard = good.record.heard.copy()
    heard[from_ms * 8 : to_ms * 8] = 0
    return replace(good, record=record_of(good.record.sent, heard))


def test_a_reply_with_a_hole_fails(good):
    began = next(e.at_ms for e in good.caller if isinstance(e, ReplyHeard) and e.line == "turn_1")
    assert "reply length" in silenced(good, began + 400, began + 1400).failures()


def test_a_reply_that_is_something_else_fails(good):
    began = next(e.at_ms for e in good.caller if isinstance(e, ReplyHeard) and e.line == "turn_1")
    heard = good.record.heard.copy()
    other = speech.load("turn_3")[: 1900 * 8]
    heard[began * 8 : began * 8 + len(other)] = other
    call = replace(good, record=record_of(good.record.sent, heard))
    assert call.failures() == ["replies"]


def test_an_agent_that_falls_silent_after_the_barge_in_is_over_fails(good):
    ends = (
        next(e.at_ms for e in good.caller if isinstance(e, LineStarted) and e.line == "barge_in")
        + len(speech.load("barge_in")) // 8
    )
    late = [replace(e, at_ms=ends + 20) if isinstance(e, FellSilent) else e for e in good.caller]
    assert "barge_in" in replace(good, caller=late).failures()


def test_a_script_that_was_not_finished_names_the_line(good):
    caller, sent, heard = talk(Caller(default_lines()), PlainAgent(answers=False).step)
    call = replace(good, caller=caller, plugin=[], record=record_of(sent, heard))
    assert "script at turn_1" in call.failures()


def test_a_call_without_any_audio_is_judged_too(good):
    call = replace(good, caller=[], plugin=[], record=record_of(*[np.zeros(0, np.int16)] * 2))
    assert "script" in call.failures()


def test_a_cancel_that_nobody_spoke_before_is_the_agents_own_doing(good):
    over = next(e.at_ms for e in good.caller if isinstance(e, ReplyHeard) and e.line == "turn_1")
    own = turn_event("cancel", over + 700, turn=2)
    assert self_interruptions(good.caller, good.plugin) == []
    assert self_interruptions(good.caller, [*good.plugin, own]) == [over + 700]
