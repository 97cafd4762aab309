"""A replayed call as a picture."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from bridge.replay import Recording
from sip_plugin import picture
from sip_plugin.picture import MARKS, Row
from sip_plugin.replay.facts import Happening

MAX_ROWS = 40
"""Longer recordings get longer rows: a picture can only be so high."""


def draw(
    path: Path, name: str, settings: str, recording: Recording, told: Sequence[Happening]
) -> None:
    """PNG or SVG by the path's suffix. Raises OSError."""
    secs = max(len(recording.caller) / 8000, 1.0)
    count = min(math.ceil(secs / picture.SECONDS_A_ROW), MAX_ROWS)
    parts = [Row(*edges) for edges in pairwise(np.linspace(0, secs, count + 1).tolist())]
    figure = picture.sheet(count)
    for part, lanes in zip(parts, picture.rows_of(figure, parts), strict=True):
        _, caller, agent = lanes
        _speech(caller, told)
        picture.marks(lanes, [(h.event, h.at_ms) for h in told if part.has(h.at_ms)])
        picture.wave(caller, recording.caller, part, picture.CALLER)
        picture.wave(agent, recording.agent, part, picture.AGENT)
    agent.set_xlabel("seconds of the recording", color=picture.QUIET)
    picture.head(figure, f"{name}, {secs:.0f} s", settings)
    seen = {happening.event for happening in told}
    picture.legend(figure, [mark for mark in MARKS if mark in seen])
    figure.savefig(path)


def _speech(lane: "picture.Axes", told: Sequence[Happening]) -> None:
    """Shade what was taken for speech."""
    begin = None
    for happening in told:
        if happening.event == "speech_start":
            begin = happening.at_ms
        elif happening.event == "speech_end" and begin is not None:
            lane.axvspan(
                begin / 1000, happening.at_ms / 1000, color=picture.CALLER, alpha=0.08, lw=0
            )
            begin = None
