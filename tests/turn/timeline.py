"""A call written down as what is said when, run through the turn detector without waiting.

    Timeline(caller=[(1000, 2000)], agent=[(3000, 5000)]).run()

Times are milliseconds of the caller's sample clock. Speech has probability 1 at -20 dBFS and
the rest 0 at -96, so that what the detector does with it can be told to the frame.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.audio.frames import FRAME_MS
from bridge.turn.detector import TurnDetector
from bridge.turn.events import (
    Cancel,
    Commit,
    Retract,
    SpeechEnd,
    SpeechFrame,
    SpeechStart,
    TurnEvent,
)
from bridge.turn.options import TurnOptions


@dataclass(frozen=True)
class Says:
    """Speech from `start` to `end` ms, as loud and as sure as given."""

    start: int
    end: int
    level_dbfs: float = -20.0
    probability: float = 1.0


class Timeline:
    """`caller`: what the caller says, `(start, end)` or `Says`. `agent`: when the agent is
    audible; a Cancel silences the span in which it comes, a frame later, unless `agent_obeys`
    is off. A reply leaves for the phone `reply_ms` after each commit that still stands, and is
    over at once; None: never. The call lasts until `ends`, by default long enough for everything
    to settle."""

    def __init__(
        self,
        caller: Iterable[tuple[int, int] | Says] = (),
        agent: Iterable[tuple[int, int]] = (),
        ends: int | None = None,
        agent_obeys: bool = True,
        reply_ms: int | None = None,
    ) -> None:
        self._caller = [says if isinstance(says, Says) else Says(*says) for says in caller]
        self._agent = list(agent)
        spans = [says.end for says in self._caller] + [end for _, end in self._agent]
        self._ends = ends if ends is not None else max(spans, default=0) + 6000
        self._agent_obeys = agent_obeys
        self._reply_ms = reply_ms

    def run(self, options: TurnOptions | None = None) -> list[TurnEvent]:
        """Every event of the call."""
        detector = TurnDetector(options or TurnOptions())
        events: list[TurnEvent] = []
        cancelled_at: int | None = None
        asked: Commit | None = None
        for seq in range(self._ends // FRAME_MS):
            start = seq * FRAME_MS
            if asked is not None and start >= asked.at_ms + self._reply_ms:
                detector.reply_began(asked.turn)
                asked = None
            says = next((s for s in self._caller if s.start <= start < s.end), None)
            happened = detector.push(
                SpeechFrame(
                    at_ms=start + FRAME_MS,
                    seq=seq,
                    probability=says.probability if says else 0.0,
                    level_dbfs=says.level_dbfs if says else -96.0,
                    agent_audible=self._audible(start, cancelled_at),
                )
            )
            if self._agent_obeys and any(isinstance(event, Cancel) for event in happened):
                cancelled_at = start + FRAME_MS
            for event in happened:
                if isinstance(event, Commit) and self._reply_ms is not None:
                    asked = event
                elif isinstance(event, Retract):
                    asked = None
            events += happened
        return events

    def decisions(self, options: TurnOptions | None = None) -> list[TurnEvent]:
        """Its events but for the starts and ends of speech."""
        return [e for e in self.run(options) if not isinstance(e, SpeechStart | SpeechEnd)]

    def _audible(self, at: int, cancelled_at: int | None) -> bool:
        for start, end in self._agent:
            if start <= at < end:
                cut = cancelled_at is not None and start <= cancelled_at < end
                return not (cut and at > cancelled_at)
        return False
