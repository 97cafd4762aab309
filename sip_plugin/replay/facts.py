"""What became of a replayed call: one line an event for tools, and figures for people."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any

from bridge.events import data_of, name_of
from bridge.replay import Heard, heard_ms
from bridge.turn.events import (
    Backchannel,
    BargeInArmed,
    BargeInRejected,
    Cancel,
    Commit,
    Prime,
    Retract,
    SpeechEnd,
    SpeechStart,
    TurnEvent,
)
from bridge.turn.speech import RELEASE_MS

TOLD = (
    SpeechStart,
    SpeechEnd,
    Prime,
    Commit,
    Retract,
    Backchannel,
    BargeInArmed,
    BargeInRejected,
    Cancel,
)
"""The events of the interface, which is fixed; others are for the plugin itself."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as it is told."""

    at_ms: float
    """Position in the caller's track that had been consumed."""
    event: str
    data: dict[str, Any]

    def line(self) -> str:
        return json.dumps({"at_ms": self.at_ms, "event": self.event} | self.data)


def happenings(events: Iterable[TurnEvent], heard: Heard) -> Iterator[Happening]:
    for event in events:
        if not isinstance(event, TOLD):
            continue
        data = data_of(event)
        if isinstance(event, Cancel):
            data["heard_ms"] = heard_ms(heard, event.at_ms)
        # The last frame may be filled up beyond the end of the file.
        yield Happening(min(float(event.at_ms), heard.length_ms), name_of(event), data)


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts, and milliseconds in the order in which they were seen."""

    turns: int
    """Commits that stand."""
    retracted: int
    backchannels: int
    agent_turns: int
    barge_ins: int
    """Armed ones; of them some were confirmed."""
    cancels: int
    commit_ms: tuple[float, ...]
    """From the last frame of speech to the commit that stands."""
    pauses_ms: tuple[float, ...]
    """Silences inside turns, 100 ms and more."""
    open_turn: bool
    """The recording ends in a turn that was never committed."""


def summarise(events: Sequence[TurnEvent], heard: Heard) -> Summary:
    told = [event for event in events if isinstance(event, Prime | Commit | Retract)]
    standing = [
        event
        for event, after in zip_longest(told, told[1:])
        if isinstance(event, Commit) and not isinstance(after, Retract)
    ]
    count = {kind: sum(isinstance(event, kind) for event in events) for kind in TOLD}
    return Summary(
        turns=len(standing),
        retracted=count[Retract],
        backchannels=count[Backchannel],
        agent_turns=int(heard.agent_turn.max(initial=0)),
        barge_ins=count[BargeInArmed],
        cancels=count[Cancel],
        commit_ms=tuple(event.at_ms - event.speech_end_ms for event in standing),
        pauses_ms=tuple(_pauses(events, {id(event) for event in standing})),
        open_turn=bool(told) and not isinstance(told[-1], Commit),
    )


def _pauses(events: Sequence[TurnEvent], standing: set[int]) -> Iterator[float]:
    """Silence, between two runs of speech, that no commit which stands fell into."""
    kinds = SpeechStart | SpeechEnd | Cancel | Backchannel
    marks = [event for event in events if isinstance(event, kinds) or id(event) in standing]
    for before, after in pairwise(marks):
        if isinstance(before, SpeechEnd) and isinstance(after, SpeechStart):
            # The end is told late, and the onset about as late as the VAD is anyway.
            pause = after.at_ms - before.at_ms + RELEASE_MS
            if pause >= MIN_PAUSE_MS:
                yield pause


MIN_PAUSE_MS = 100
