"""The two sides of a recorded call, from one stereo file or one or two mono files."""

from pathlib import Path

import numpy as np

from bridge.replay import Recording
from sip_plugin.replay import wav
from sip_plugin.replay.wav import WavError


def load(caller: Path, agent: Path | None) -> Recording:
    """Raises WavError, whose message says which file and what to do."""
    left, *right = _channels(caller)
    if right and agent is not None:
        raise WavError(
            f"{caller} is stereo: its right channel is the agent; leave --agent away, or give a "
            "mono file of the caller"
        )
    if agent is not None:
        right = _channels(agent)
        if len(right) > 1:
            raise WavError(f"{agent} is stereo; the agent's track is a mono file")
    return Recording(left, right[0] if right else np.zeros(0, np.int16))


def _channels(path: Path) -> list[np.ndarray]:
    try:
        return wav.read(path)
    except OSError as error:
        raise WavError(f"{path} cannot be read: {error.strerror or error}") from None
