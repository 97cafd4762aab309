"""The recording, the record and the picture."""

import wave
from datetime import datetime

import numpy as np
import pytest
from matplotlib.image import imread

from sip_plugin.demo import recording, timeline
from sip_plugin.demo.measure import CallRecord, phone_turns
from sip_plugin.demo.report import latency_rows
from tests.demo.calls import a_good_call, record_of


@pytest.fixture(scope="module")
def call():
    return a_good_call()


def test_the_recording_has_the_caller_left_and_the_agent_right(call, tmp_path):
    recording.write(tmp_path / "call.wav", call.record)
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        stereo = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.array_equal(stereo[:, 0], call.record.sent)
    assert np.array_equal(stereo[:, 1], call.record.heard)


def test_a_record_survives_the_file(call, tmp_path):
    call.record.save(tmp_path / "call.npz")
    again = CallRecord.load(tmp_path / "call.npz")
    assert np.array_equal(again.heard, call.record.heard)
    assert np.array_equal(again.packet_at, call.record.packet_at)


def draw(call, path):
    turns = phone_turns(call.record, call.caller)
    rows = latency_rows(call.plugin, turns)
    when = datetime(2026, 1, 2, 3, 4)
    timeline.draw(path, call.record, call.caller, call.plugin, turns, rows, when)
    return imread(path)


def test_the_picture_shows_both_lanes_in_their_colours(call, tmp_path):
    picture = draw(call, tmp_path / "timeline.png")[:, :, :3]
    assert picture.shape[1] > 1500
    for colour in (timeline.CALLER, timeline.AGENT):
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        assert np.count_nonzero(np.abs(picture - rgb).max(axis=2) < 0.02) > 5000


def test_a_call_that_came_to_nothing_has_a_picture_too(call, tmp_path):
    empty = record_of(*[np.zeros(0, np.int16)] * 2)
    nothing = type(call)(caller=[], record=empty, plugin=[])
    assert draw(nothing, tmp_path / "timeline.png").size
