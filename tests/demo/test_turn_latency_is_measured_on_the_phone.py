import numpy as np
import pytest

from sip_plugin.demo import speech
from sip_plugin.demo.measure import CallRecord, heard_ms, likeness, phone_turns
from sip_plugin.demo.report import latency_rows, percentile
from sip_plugin.demo.script import Kind, LineEnded
from tests.demo.calls import a_good_call, turn_event


def record_with_packets(*packets: tuple[float, float]) -> CallRecord:
    """10 s of a call, and packets of (seconds, dBFS)."""
    frames = np.zeros(500 * 160, np.int16)
    at, levels = np.array(packets, float).reshape(-1, 2).T
    return CallRecord(frames, frames, 100 + np.arange(500) * 0.02, 100 + at, levels)


def test_it_runs_from_the_last_speech_sent_to_the_first_agent_audio():
    # The line's last frame is the one sent at 1.98 s; silence comes before the agent's audio.
    record = record_with_packets((1.5, -96), (2.2, -96), (2.7, -60), (2.74, -20))
    [turn] = phone_turns(record, [LineEnded(2000, "turn_1", Kind.TURN)])
    assert turn.latency_ms == pytest.approx(720)
    assert turn.voice_ms == pytest.approx(760)


def test_audio_that_came_after_the_caller_spoke_again_is_no_answer():
    record = record_with_packets((5.0, -20))
    events = [LineEnded(2000, "turn_1", Kind.TURN), LineEnded(4000, "turn_2", Kind.TURN)]
    assert [turn.line for turn in phone_turns(record, events)] == ["turn_2"]


def test_a_backchannel_is_no_turn_and_ends_none():
    record = record_with_packets((3.0, -20))
    events = [
        LineEnded(2000, "turn_1", Kind.TURN),
        LineEnded(2400, "backchannel", Kind.BACKCHANNEL),
    ]
    [turn] = phone_turns(record, events)
    assert turn.line == "turn_1" and turn.latency_ms == pytest.approx(1020)


def test_every_turn_of_a_call_has_one():
    call = a_good_call()
    turns = phone_turns(call.record, call.caller)
    assert [turn.line for turn in turns] == [
        *("turn_1", "turn_2", "turn_3", "turn_4", "barge_in", "turn_5", "turn_6")
    ]


def test_percentiles_of_few_values_are_values_that_were_seen():
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([3, 1, 2], 99) == 3
    assert percentile([7.5], 50) == 7.5
    assert percentile(list(range(1, 101)), 95) == 95


def test_a_part_that_was_never_reported_has_no_row():
    rows = latency_rows([turn_event("turn_latency", 0, commit_ms=500.0)], [])
    assert [(row.part, row.n, row.p50) for row in rows] == [("commit_ms", 1, 500.0)]


def test_likeness_is_deaf_to_level_and_delay_but_not_to_words():
    said = speech.load("turn_1")
    heard = np.concatenate([np.zeros(1234, np.int16), said // 3, np.zeros(500, np.int16)])
    assert likeness(heard, said) > 0.99
    assert likeness(said[4000:9000], said) > 0.99
    assert likeness(heard[1000:9000], said) > 0.99, "the cut begins before the words"
    assert likeness(speech.load("turn_2"), said) < 0.3
    assert likeness(np.zeros(8000, np.int16), said) == 0.0


def test_heard_ms_counts_what_is_not_silence():
    heard = np.zeros(500 * 160, np.int16)
    heard[8000:16000] = 1000
    record = CallRecord(heard, heard, np.zeros(500), np.zeros(0), np.zeros(0))
    assert heard_ms(record, 0, 10_000) == 1000
    assert heard_ms(record, 1500, 10_000) == 500
