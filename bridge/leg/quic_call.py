"""One call as the bridge has it: what is said is queued, and who sends it is told."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from bridge.agent import AgentSpec
from bridge.leg.call import LegCall
from bridge.leg.interface import OnEvent, TransferState
from bridge.leg.stats import LegStats

if TYPE_CHECKING:
    from bridge.leg.call_tracks import CallTracks


class Touched(Protocol):
    """Who sends what calls have to say."""

    def touched(self, call: "QuicCall") -> None:
        """The call has something to send with the next flush."""

    def touched_soon(self, call: "QuicCall") -> None:
        """The same, and the flush follows by itself when nobody calls it."""


class QuicCall:
    """One call on the connection; a `bridge.leg.interface.ModelCall`."""

    def __init__(self, calls: Touched, core: LegCall, agent: AgentSpec, on_event: OnEvent) -> None:
        self._calls = calls
        self.core = core
        self.agent = agent
        self.on_event = on_event
        self.tracks: CallTracks | None = None
        """None while it waits for a connection."""
        self.hasty = False
        """What the control track gets next is sent twice, with the audio that it ends."""
        self.nudge: asyncio.TimerHandle | None = None
        """Sees to it that the call catches up after a break."""
        self.silent = False
        """No event reaches the bridge any more."""

    @property
    def stats(self) -> LegStats:
        return self.core.stats

    @property
    def deadline(self) -> float | None:
        return self.core.deadline

    def append(self, seq: int, timestamp: int, payload: bytes) -> None:
        self.core.append(seq, timestamp, payload)
        self._calls.touched(self)

    def prime(self, turn: int) -> None:
        self.core.prime(turn)
        self._calls.touched_soon(self)

    def commit(self, turn: int, last_seq: int) -> None:
        self.core.commit(turn, last_seq)
        self.hasty = True
        self._calls.touched_soon(self)

    def no_input(self, turn: int) -> None:
        self.core.no_input(turn)
        self._calls.touched_soon(self)

    def cancel(self, turn: int, heard_ms: int) -> None:
        self.core.cancel(turn, heard_ms)
        self.hasty = True
        self._calls.touched_soon(self)

    def answered(self) -> None:
        self.core.answered()
        self._calls.touched_soon(self)

    def dtmf(self, digit: str, duration_ms: int) -> None:
        self.core.dtmf(digit, duration_ms)
        self._calls.touched_soon(self)

    def hold(self, on: bool) -> None:
        self.core.hold(on)
        self._calls.touched_soon(self)

    def transfer_progress(self, state: TransferState, code: int, reason: str) -> None:
        self.core.transfer_progress(state, code, reason)
        self._calls.touched_soon(self)

    def playout(self, turn: int, played_ms: int) -> None:
        self.core.playout(turn, played_ms)
        self._calls.touched(self)

    def close(self, reason: str) -> None:
        self.silent = True
        self.core.close(reason)
        self._calls.touched_soon(self)

    def counters(self) -> dict[str, float]:
        return self.core.stats.flat()
