"""A reply that pauses in the middle is the same reply; another line is not."""

import numpy as np

from sip_plugin.demo import speech
from sip_plugin.demo.measure import likeness


def test_a_gap_in_the_middle_leaves_the_reply_what_it_is():
    line = speech.load("turn_6")
    gap = np.zeros(640, np.int16)
    for share in (0.3, 0.5, 0.7):
        cut = int(len(line) * share)
        assert likeness(np.concatenate([line[:cut], gap, line[cut:]]), line) > 0.85


def test_another_line_is_not_alike():
    for other in ("turn_1", "turn_2", "turn_3", "turn_4", "turn_5", "barge_in"):
        assert likeness(speech.load("turn_6"), speech.load(other)) < 0.5


def test_silence_is_like_nothing():
    assert likeness(np.zeros(8000, np.int16), speech.load("turn_1")) < 0.1
    assert likeness(np.zeros(0, np.int16), speech.load("turn_1")) == 0.0
