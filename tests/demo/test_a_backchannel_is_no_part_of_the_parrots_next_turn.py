import numpy as np

from bridge.audio.frames import FRAME_SAMPLES
from bridge.gateway.parrot import LEAD_MS, TAIL_MS, joined, last_stretch
from sip_plugin.demo import speech

QUIET = np.zeros(8 * 1500, np.int16)


def frames(*pieces: np.ndarray) -> list[bytes]:
    pcm = np.concatenate(pieces)
    return [frame.tobytes() for frame in pcm.reshape(-1, FRAME_SAMPLES)]


def test_what_was_muttered_long_before_the_turn_is_left_out():
    turn = speech.load("turn_3")
    heard = frames(speech.load("backchannel"), QUIET, turn, QUIET)
    said = joined(heard[last_stretch(heard)])
    assert abs(len(said) / 8 - (LEAD_MS + len(turn) / 8 + TAIL_MS)) <= 60


def test_a_pause_inside_the_turn_is_kept():
    turn, pause = speech.load("turn_3"), QUIET[: 8 * 400]
    heard = frames(turn, pause, turn)
    said = joined(heard[last_stretch(heard)])
    assert len(said) >= 2 * len(turn) + len(pause) - 8 * 60
