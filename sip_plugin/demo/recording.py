"""The call as the phone heard it, in a stereo WAV: left the caller, right the agent."""

import wave
from pathlib import Path

import numpy as np

from bridge.audio.frames import PHONE_RATE_HZ
from sip_plugin.demo.measure import CallRecord


def write(path: Path, record: CallRecord) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(PHONE_RATE_HZ)
        stereo = np.column_stack([record.sent, record.heard]).astype("<i2")
        file.writeframes(stereo.tobytes())
