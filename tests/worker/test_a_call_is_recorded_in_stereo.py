"""With `media.record_dir` a call leaves a WAV: left the caller, right the agent."""

import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sip_plugin.media.recording import Recording

CALLER = np.full(160, 1000, np.int16)
AGENT = np.full(160, -2000, np.int16)


def recorded(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_both_sides_are_kept_side_by_side(tmp_path: Path):
    path = tmp_path / "new folder" / "call.wav"
    with ThreadPoolExecutor(1) as disk:
        recording = Recording(path, disk)
        for _ in range(600):
            recording.caller(CALLER)
            recording.agent(AGENT)
        recording.close()
    stereo = recorded(path)
    assert stereo.shape == (600 * 160, 2)
    assert set(stereo[:, 0]) == {1000}
    assert set(stereo[:, 1]) == {-2000}


def test_a_side_that_falls_silent_is_filled_so_that_the_other_stays_in_place(tmp_path: Path):
    path = tmp_path / "call.wav"
    with ThreadPoolExecutor(1) as disk:
        recording = Recording(path, disk)
        for _ in range(300):
            recording.caller(CALLER)
        for _ in range(50):
            recording.agent(AGENT)
        recording.close()
    stereo = recorded(path)
    assert len(stereo) == 300 * 160
    assert not stereo[: 250 * 160, 1].any()


def test_a_folder_that_cannot_be_written_costs_the_recording_only(tmp_path: Path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with ThreadPoolExecutor(1) as disk:
        recording = Recording(blocked / "call.wav", disk)
        for _ in range(600):
            recording.caller(CALLER)
            recording.agent(AGENT)
        recording.close()
    assert caplog.text.count("media.record_dir") == 1
