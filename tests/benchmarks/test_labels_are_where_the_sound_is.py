"""The generator of labelled calls, on the speech that ships with the demo."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.labelled_calls import (
    SCENARIOS,
    Cast,
    Line,
    Sketch,
    generate,
    say_turn,
)
from benchmarks.speech_corpus import PROMPTS, active, cut, load
from bridge.replay import agent_turns

NOWHERE = Path("/nowhere")
QUIET = Line(snr_db=200.0)


@pytest.fixture(scope="module")
def corpus():
    return load("test", NOWHERE, NOWHERE)


def a_sketch(corpus, seed=1) -> tuple[Sketch, Cast]:
    rng = np.random.default_rng(seed)
    return Sketch(rng), Cast(corpus, rng)


def loud(pcm: np.ndarray, begin_ms: float, end_ms: float) -> float:
    part = pcm[int(begin_ms * 8) : int(end_ms * 8)].astype(np.float64)
    return float(np.sqrt(np.mean(part**2))) if len(part) else 0.0


def test_a_phrase_sounds_from_its_label_to_its_label(corpus):
    sketch, cast = a_sketch(corpus)
    sketch.wait(1000)
    span = sketch.caller_says(cast.phrase().pcm)
    sketch.wait(1000)
    assert (span.begin_ms, span.end_ms) == (1000, sketch.now_ms - 1000)
    caller = sketch.finish("", QUIET).recording.caller
    assert len(caller) == sketch.now_ms * 8
    assert not caller[:8000].any()
    assert not caller[int(span.end_ms * 8) + 8 :].any()
    assert loud(caller, span.begin_ms, span.begin_ms + 10) > 0
    assert loud(caller, span.end_ms - 10, span.end_ms) > 0


def test_the_pauses_of_a_turn_are_silent_and_between_its_phrases(corpus):
    sketch, cast = a_sketch(corpus)
    sketch.wait(500)
    turn = say_turn(sketch, cast, pauses=3)
    call = sketch.finish("", QUIET)
    assert call.turns == [turn]
    assert (turn.begin_ms, turn.end_ms) == (500, sketch.now_ms)
    assert len(turn.pauses) == 3
    for pause in turn.pauses:
        assert 200 <= pause.ms <= 700
        assert loud(call.recording.caller, pause.begin_ms + 1, pause.end_ms) == 0
        assert loud(call.recording.caller, pause.end_ms, pause.end_ms + 10) > 0


def test_a_recording_is_cut_at_the_10_ms_that_are_speech():
    tone = np.sin(np.arange(4000) * 0.7).astype(np.float32) * 0.3
    silence = np.zeros(2400, np.float32)
    short = np.zeros(1520, np.float32)  # 190 ms, no pause between phrases
    pcm = np.concatenate([silence, tone, silence, tone, short, tone, silence])
    assert [len(phrase) for phrase in cut(pcm)] == [4000, 4000 + 1520 + 4000]
    assert active(pcm).sum() == 150
    assert cut(np.zeros(800, np.float32)) == []


@pytest.mark.parametrize(("erl_db", "delay_ms"), [(6.0, 60), (24.0, 250)])
def test_the_echo_is_as_late_and_as_quiet_as_the_line_says(corpus, erl_db, delay_ms):
    sketch, cast = a_sketch(corpus)
    sketch.wait(100)
    sketch.agent_says(cast.agent_speech(3.0))
    sketch.wait(5000)
    line = Line(200.0, erl_db=erl_db, echo_delay_ms=delay_ms)
    recording = sketch.finish("", line).recording
    far, back = recording.agent.astype(float), recording.caller.astype(float)
    assert not back[: (100 + delay_ms) * 8].any()
    loss = 10 * np.log10(np.sum(far**2) / np.sum(back**2))
    assert abs(loss - erl_db) < 0.5
    lag = int(np.argmax(np.correlate(np.abs(back), np.abs(far[: len(far) // 2]), "valid")))
    assert delay_ms - 5 <= lag / 8 <= delay_ms + 20


def test_the_agents_track_has_its_turns_where_they_are_labelled(corpus):
    (call,) = generate("barge-ins", 1, corpus, "test")
    found = [(begin / 8, end / 8) for begin, end in agent_turns(call.recording.agent)]
    labelled = [(span.begin_ms, span.end_ms) for span in call.agent_turns]
    assert len(found) == len(labelled) == 6
    assert np.abs(np.array(found) - np.array(labelled)).max() < 10
    for barge_in, said in zip(call.barge_ins, call.agent_turns, strict=True):
        assert said.begin_ms + 1000 <= barge_in.begin_ms < said.end_ms


def test_a_backchannel_is_short_and_over_the_agent(corpus):
    for call in generate("backchannels", 3, corpus, "train"):
        assert len(call.backchannels) == 12
        for burst in call.backchannels:
            assert 150 <= burst.ms <= 550
            assert any(said.begin_ms < burst.begin_ms < said.end_ms for said in call.agent_turns)


def test_a_caller_with_own_pauses_keeps_to_them(corpus):
    for call in generate("own pauses", 4, corpus, "train"):
        lengths = [pause.ms for turn in call.turns for pause in turn.pauses]
        assert len(call.turns) == 8 and all(1 <= len(turn.pauses) <= 3 for turn in call.turns)
        assert max(lengths) <= 1.5 * min(lengths)
        assert min(lengths) >= 96 and max(lengths) <= 1320


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_seed_is_the_same_call_and_the_parts_differ(corpus, scenario):
    one, again = (generate(scenario, 1, corpus, "test")[0] for _ in range(2))
    assert one.turns == again.turns
    assert np.array_equal(one.recording.caller, again.recording.caller)
    assert np.array_equal(one.recording.agent, again.recording.agent)
    other = generate(scenario, 1, corpus, "train")[0]
    assert not np.array_equal(one.recording.caller[:80_000], other.recording.caller[:80_000])


def test_absent_speech_is_told(corpus):
    assert any("the demo's eight recordings" in note for note in corpus.notes)
    assert any("no spoken digits" in note for note in corpus.notes)


@pytest.mark.skipif(
    not (PROMPTS / "es").is_dir(),
    reason="no asterisk-core-sounds-es-wav: scripts/install-peers gets it",
)
def test_train_and_test_share_no_recording():
    parts = [load(part, digits=NOWHERE) for part in ("train", "test")]
    sounds = [{p.pcm.tobytes() for p in part.phrases["es"]} for part in parts]
    assert all(len(found) > 50 for found in sounds)
    assert not sounds[0] & sounds[1]
