"""Recordings for the tests: shipped speech at literal times, and frames made up without sound."""

import wave
from importlib.resources import files
from pathlib import Path

import numpy as np
from typer.testing import CliRunner, Result

from bridge.replay import Heard
from sip_plugin.cli.app import app

FRAME_MS = 20


def speech(name: str) -> np.ndarray:
    """One of the demo's recordings, int16 at 8 kHz."""
    path = files("sip_plugin.demo.speech") / f"{name}.wav"
    with path.open("rb") as opened, wave.open(opened) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def track(secs: float, *parts: tuple[float, str]) -> np.ndarray:
    """Silence, with recordings from the seconds given."""
    pcm = np.zeros(int(secs * 8000), np.int16)
    for at, name in parts:
        begin = int(at * 8000)
        said = speech(name)
        pcm[begin : begin + len(said)] = said
    return pcm


def write(path: Path, *channels: np.ndarray, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.column_stack(channels).astype("<i2").tobytes())
    return path


def heard(
    secs: float,
    caller: list[tuple[int, int]],
    agent: list[tuple[int, int]] | None = None,
) -> Heard:
    """As if analysed: who speaks from and to which millisecond."""
    frames = int(secs * 1000) // FRAME_MS
    made = Heard(
        np.full(frames, 0.02, np.float32),
        np.full(frames, -80.0, np.float32),
        np.zeros(frames, np.int32),
        secs * 1000,
    )
    for begin, end in caller:
        span = slice(begin // FRAME_MS, end // FRAME_MS)
        made.probability[span], made.level_dbfs[span] = 0.95, -20.0
    for number, (begin, end) in enumerate(agent or [], 1):
        made.agent_turn[begin // FRAME_MS : end // FRAME_MS] = number
    return made


def replay(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["replay", *map(str, arguments)])
