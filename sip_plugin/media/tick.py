"""What a worker does in each phase of its clock: hears its callers, and speaks to them.

A few calls are not worth eight wake-ups a frame: then the sockets wake the worker when something
is in them, and the clock only when a packet is to leave or a frame is missing. Many calls share
the phases, and reading all sockets in one round is cheaper than a wake-up a packet.
"""

import asyncio
from collections.abc import Callable

from sip_plugin.media.call import MediaCall
from sip_plugin.media.clock import PHASES_PER_FRAME, PhaseClock
from sip_plugin.media.guard import Guard
from sip_plugin.media.intake import Intake
from sip_plugin.media.reading import ReadRound

HOUSEKEEPING_FRAMES = 50
"""Once a second for each call, spread over the second."""
JUDGE_PHASES = PHASES_PER_FRAME // 2
"""From one inference of the voice activity to the next: 10 ms."""
FEW_CALLS = 3
"""So many are served when there is something to do; at three, phases would cost the same."""
MAX_WOKEN = PHASES_PER_FRAME
"""By sockets in one frame, which is three packets of each of a few calls."""
FINE_CALLS = 60
"""More are heard every other phase: each packet to a model costs, and batches get cheaper with
their size, which counts more than 1.25 ms where many share a core."""

_LATER = float("inf")


class Tick:
    """Of all calls of a worker."""

    def __init__(
        self,
        name: str,
        now: Callable[[], float],
        flush: Callable[[], None],
        each_frame: Callable[[], None],
        inactivity_secs: float,
    ) -> None:
        """`name`: of the worker, in the log. `flush` sends what the calls gave to their model
        legs; `each_frame` is called every 20 ms, with calls and without."""
        self.guard = Guard(name, lambda call: self._round.close(call.ports))
        self._now = now
        self._flush = flush
        self._each_frame = each_frame
        self._inactivity_secs = inactivity_secs
        self._calls: dict[MediaCall, None] = {}
        self._round = ReadRound()
        self._intake = Intake(self.guard, flush)
        self._heard_in = 0
        """The phase in which the callers were heard last."""
        self._frame = 0
        self._sockets_wake = False
        self._woken = 0
        """By sockets, in this frame."""

    @property
    def skipped(self) -> int:
        """Phases that a stall swallowed."""
        return self._clock.skipped

    def begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = PhaseClock(self._on_phase)

    def stop(self) -> None:
        self._clock.stop()
        self._wake_by_sockets(False)

    def open(self, call: MediaCall) -> None:
        run = self.guard.last
        self._calls[call] = None
        self._round.open(
            call.ports,
            lambda now, wall: run(call, call.on_rtp, now, wall),
            lambda now, wall: run(call, call.on_rtcp, now, wall),
        )
        self._intake.open(call)
        self.stir()

    def close(self, call: MediaCall) -> None:
        """It is served no more; its sockets are still open."""
        self._calls.pop(call, None)
        self._round.close(call.ports)
        self.guard.last(call, self._intake.close, call)

    def stir(self) -> None:
        """Something was said to a call, by its model or by whoever signals."""
        if self._sockets_wake:
            self._plan()

    # --- one phase -----------------------------------------------------------------------

    def _on_phase(self, n: int) -> int:
        frame = n // PHASES_PER_FRAME
        if new_frame := frame != self._frame:
            self._frame, self._woken = frame, 0
        if self._calls:
            self._serve(n)
        if new_frame:
            self._keep_house(frame)
        self._wake_by_sockets(len(self._calls) <= FEW_CALLS and self._woken <= MAX_WOKEN)
        return self._next_phase(n)

    def _serve(self, n: int) -> None:
        run = self.guard.run
        calls = list(self._calls)
        # Somebody waits for the agent's voice and for the caller's, nobody for silence.
        now = self._now()
        for call in calls:
            if (call.stirred or call.slot_at <= n) and run(call, call.talks_in, n):
                run(call, call.speak, n, now)
        # A late clock may come back in odd phases only: then those have to do.
        coarse = n % 2 and len(calls) > FINE_CALLS and n - self._heard_in < 2
        if not self._clock.behind and not coarse:
            # What was sent in the phases that are made up for is the reference of what came.
            self._heard_in = n
            self._intake.hear(self._round.read())
        if self._sockets_wake or n % JUDGE_PHASES == 0:
            self._judge()
        now = self._now()
        for call in calls:
            if call.slot_at <= n:
                run(call, call.speak, n, now)

    def _judge(self) -> None:
        self._intake.judge(self._now())
        self._flush()

    def _keep_house(self, frame: int) -> None:
        self._each_frame()
        now = self._now()
        for i, call in enumerate(self._calls):
            if (frame + i) % HOUSEKEEPING_FRAMES == 0:
                self.guard.run(call, call.housekeeping, self._inactivity_secs, now)

    # --- few calls -----------------------------------------------------------------------

    def _wake_by_sockets(self, on: bool) -> None:
        if on is self._sockets_wake:
            return
        self._sockets_wake = on
        if on:
            self._loop.add_reader(self._round.fileno(), self._on_readable)
        else:
            self._loop.remove_reader(self._round.fileno())

    def _on_readable(self) -> None:
        self._woken += 1
        if self._woken > MAX_WOKEN:
            # A flood: the phases bound how much of it is read, until the frame is over.
            self._wake_by_sockets(False)
        elif self._clock.run():
            return  # what is due was late, and has heard the callers too
        else:
            self._intake.hear(self._round.read())
            self._judge()
        self._plan()

    def _plan(self) -> None:
        self._clock.plan(self._next_phase(self._clock.now))

    def _next_phase(self, n: int) -> int:
        """In which there is something to do, after phase `n`."""
        if not self._sockets_wake:
            return n + 1
        # However often it is asked, no frame goes by without a phase: the house is kept in it.
        soon = min(n + PHASES_PER_FRAME, (self._frame + 2) * PHASES_PER_FRAME - 1)
        for call in self._calls:
            if call.ended:
                continue
            if call.begins_to_speak:
                return n + 1
            soon = min(soon, call.slot_at)
            if call.due_at < _LATER:
                soon = min(soon, self._clock.phase_at(max(call.due_at, 0.0)))
        return max(soon, n + 1)
