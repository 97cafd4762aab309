import numpy as np
import pytest

from bridge.audio.frames import FRAME_SAMPLES
from bridge.audio.vad import BatchVad
from sip_plugin.demo import speech


def _frames(pcm: np.ndarray) -> np.ndarray:
    return pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, 1, FRAME_SAMPLES)


def _alone(pcm: np.ndarray) -> list[float]:
    vad = BatchVad()
    slot = vad.open()
    return [float(vad.push([slot], frame)[0]) for frame in _frames(pcm)]


def test_speech_is_told_from_silence():
    silence = np.zeros(4000, np.int16)
    probabilities = _alone(np.concatenate([silence, speech.load("turn_1"), silence]))
    assert max(probabilities[:25]) < 0.2
    assert np.median(probabilities[30:110]) > 0.9
    assert max(probabilities[-10:]) < 0.2


def test_calls_that_began_at_different_times_do_not_mix():
    names = [*speech.TURNS, speech.BARGE_IN]
    calls = [_frames(speech.load(name)) for name in names]
    vad = BatchVad()
    slots: dict[int, int] = {}
    heard: list[list[float]] = [[] for _ in calls]
    for tick in range(200):
        talking = [n for n, call in enumerate(calls) if 3 * n <= tick < 3 * n + len(call)]
        if not talking:
            continue
        for n in talking:
            if n not in slots:
                slots[n] = vad.open()
        batch = np.concatenate([calls[n][tick - 3 * n] for n in talking])
        probabilities = vad.push([slots[n] for n in talking], batch)
        for n, probability in zip(talking, probabilities, strict=True):
            heard[n].append(float(probability))
    for name, probabilities in zip(names, heard, strict=True):
        assert probabilities == pytest.approx(_alone(speech.load(name)), abs=1e-3)


def test_a_slot_that_is_used_again_remembers_nothing():
    pcm = speech.load("turn_2")
    vad = BatchVad()
    slot = vad.open()
    for frame in _frames(speech.load("turn_3")):
        vad.push([slot], frame)
    vad.close(slot)
    assert vad.open() == slot
    again = [float(vad.push([slot], frame)[0]) for frame in _frames(pcm)]
    assert again == pytest.approx(_alone(pcm), abs=1e-4)


def test_slots_grow_and_no_two_calls_share_one():
    vad = BatchVad()
    slots = [vad.open() for _ in range(100)]
    assert len(set(slots)) == 100
    frames = np.zeros((100, FRAME_SAMPLES), np.int16)
    assert vad.push(slots, frames).shape == (100,)
    for slot in slots[::2]:
        vad.close(slot)
    again = [vad.open() for _ in range(50)]
    assert sorted(again) == sorted(slots[::2])


def test_what_was_heard_survives_growth():
    pcm = speech.load("turn_4")
    vad = BatchVad()
    slot = vad.open()
    heard = []
    for frame in _frames(pcm):
        vad.open()
        heard.append(float(vad.push([slot], frame)[0]))
    assert heard == pytest.approx(_alone(pcm), abs=1e-4)


def test_the_extremes_give_a_probability():
    vad = BatchVad()
    slot = vad.open()
    for value in (-32768, 32767, 0):
        for _ in range(5):
            (probability,) = vad.push([slot], np.full((1, FRAME_SAMPLES), value, np.int16))
            assert 0.0 <= probability <= 1.0


def test_nobody_to_listen_to():
    assert BatchVad().push([], np.zeros((0, FRAME_SAMPLES), np.int16)).shape == (0,)


def test_misuse_is_refused():
    vad = BatchVad()
    slot = vad.open()
    with pytest.raises(ValueError, match=r"expected \(1, 160\)"):
        vad.push([slot], np.zeros((1, 80), np.int16))
    vad.close(slot)
    with pytest.raises(ValueError, match="not open"):
        vad.close(slot)
