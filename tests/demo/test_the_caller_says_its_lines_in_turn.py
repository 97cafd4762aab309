import json
from dataclasses import asdict

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.audio.level import dbfs
from sip_plugin.demo.script import (
    Caller,
    FellSilent,
    Kind,
    LineEnded,
    LineStarted,
    Missed,
    ReplyHeard,
    ReplyOver,
    ScriptOptions,
    default_lines,
    event_of,
)
from tests.demo.agents import PlainAgent, talk

OPTIONS = ScriptOptions()


def conversation():
    return talk(Caller(default_lines(), OPTIONS), PlainAgent().step)


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_all_lines_are_said_and_every_turn_is_answered():
    events, sent, _ = conversation()
    assert not only(events, Missed)
    assert [event.line for event in only(events, LineStarted)] == [
        line.name for line in default_lines()
    ]
    answered = [line.name for line in default_lines() if line.kind is not Kind.BACKCHANNEL]
    assert [event.line for event in only(events, ReplyHeard)] == answered
    assert len(sent) / PHONE_RATE_HZ < 60


def test_the_backchannel_and_the_barge_in_fall_into_a_reply():
    events, _, heard = conversation()
    for event in only(events, LineStarted):
        before = heard[(event.at_ms - 400) * 8 : event.at_ms * 8]
        if event.kind is Kind.TURN:
            assert dbfs(before) < OPTIONS.audible_dbfs
        else:
            assert dbfs(before) > OPTIONS.audible_dbfs


def test_the_reply_goes_on_after_the_backchannel_and_stops_at_the_barge_in():
    events, _, _ = conversation()
    ended = {event.line: event.at_ms for event in only(events, LineEnded)}
    over = {event.line: event.at_ms for event in only(events, ReplyOver)}
    assert over["turn_2"] > ended["backchannel"] + 500
    [silent] = only(events, FellSilent)
    assert silent.line == "turn_4" and silent.at_ms < ended["barge_in"]


def test_what_is_sent_at_an_event_is_what_the_event_says():
    events, sent, _ = conversation()
    for event in only(events, LineStarted):
        assert dbfs(sent[event.at_ms * 8 : event.at_ms * 8 + FRAME_SAMPLES]) > -50
        assert dbfs(sent[event.at_ms * 8 - FRAME_SAMPLES : event.at_ms * 8]) < -55
    for event in only(events, LineEnded):
        assert dbfs(sent[event.at_ms * 8 - FRAME_SAMPLES : event.at_ms * 8]) > -50
        assert dbfs(sent[event.at_ms * 8 : event.at_ms * 8 + FRAME_SAMPLES]) < -55


def test_events_survive_the_way_to_another_process():
    events, _, _ = conversation()
    for event in events:
        told = json.loads(json.dumps(asdict(event)))
        assert event_of(type(event).__name__, told) == event
        if isinstance(event, LineStarted):
            assert event_of("LineStarted", told).kind is event.kind
