"""A model that hangs up or transfers: once its last words were heard, unless interrupted."""

import asyncio

from bridge.backends.tools import Action, Hangup, Transfer
from bridge.backends.transferring import ended
from bridge.gateway.agent import AgentCall
from bridge.gateway.events import AgentEvent, Cancelled, Held, Played, TransferProgress

NEARLY_MS = 100
"""What may be missing of the words: lost on the way, or filled up to a frame."""
LONGEST_WAIT = 3.0
"""After the time that the words take, if the plugin does not say how far they were heard."""
TRANSFER_SECS = 60.0
"""A plugin that says nothing of a transfer for so long will say nothing more."""


class Farewell:
    def __init__(self, call: AgentCall) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._waiting: tuple[int, float, Action] | None = None
        """The turn whose words are to be heard first, how many milliseconds, and then what."""
        self._heard = (-1, 0)
        self._cut = -1
        """Replies up to this turn were interrupted."""
        self._timer: asyncio.TimerHandle | None = None
        self._transferred_at: float | None = None

    @property
    def transferring(self) -> bool:
        """A transfer was asked for, and is under way."""
        at = self._transferred_at
        return at is not None and self._loop.time() < at + TRANSFER_SECS

    def part(self, turn: int, spoken_ms: float, action: Action) -> None:
        """Do it when the reply to `turn`, which is `spoken_ms` long, was heard."""
        if turn <= self._cut:
            return
        self._waiting = turn, spoken_ms, action
        self._arm()
        self._look()

    def take(self, event: AgentEvent) -> None:
        """Every event of the call may be given."""
        match event:
            case Played(turn=turn, played_ms=played_ms):
                self._heard = turn, played_ms
                self._look()
            case Cancelled(turn=turn):
                self._cut = max(self._cut, turn)
                if self._waiting is not None and self._waiting[0] <= turn:
                    self.close()
            case Held(on=True):
                self._disarm()
            case Held():
                self._arm()
            case TransferProgress() if ended(event):
                self._transferred_at = None

    def close(self) -> None:
        """Nothing is done any more."""
        self._waiting = None
        self._disarm()

    def _look(self) -> None:
        if self._waiting is None:
            return
        turn, spoken_ms, _ = self._waiting
        heard_ms = self._heard[1] if self._heard[0] == turn else 0
        if self._heard[0] > turn or heard_ms >= spoken_ms - NEARLY_MS:
            self._do()

    def _do(self) -> None:
        assert self._waiting is not None
        action = self._waiting[2]
        self.close()
        match action:
            case Hangup(reason=reason):
                self._call.hangup(reason)
            case Transfer(target=target):
                self._transferred_at = self._loop.time()
                self._call.transfer(target)

    def _arm(self) -> None:
        self._disarm()
        if self._waiting is not None:
            wait = self._waiting[1] / 1000 + LONGEST_WAIT
            self._timer = self._loop.call_later(wait, self._do)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
