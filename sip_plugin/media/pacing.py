"""When a call's next RTP packet leaves. Core without I/O; time is the worker's phase number."""

from sip_plugin.media.clock import PHASES_PER_FRAME

EARLY_PHASES = PHASES_PER_FRAME * 3 // 4
"""A talk spurt may begin so long before its slot: 15 ms."""


class SendSchedule:
    """A packet every 20 ms; a talk spurt may begin up to 15 ms before its slot.

    In silence packets leave on the call's own grid. When the agent begins to speak, the first
    frame does not wait for the grid: it leaves in the next phase, and the spurt keeps that
    offset. The pause after the spurt is longer by what was saved, so that the stream never
    runs ahead of its timestamps. A receiver sees an early packet with the marker bit, which is
    where jitter buffers choose their playout point anew (RFC 3550 section 5.1, RFC 3551 4.1).
    """

    def __init__(self, phase: int) -> None:
        self._grid = phase % PHASES_PER_FRAME
        self._slot: int | None = None
        """Where the next packet stands on the grid."""
        self.next = 0
        """When it leaves if nothing asks for it earlier."""
        self.talking = False
        """The last packet carried the agent's voice."""

    def due(self, n: int, speech_waits: bool) -> bool:
        """Whether a packet leaves in phase `n`; `speech_waits`: the agent has a frame ready."""
        if self._slot is None:
            self._slot = self.next = n + (self._grid - n) % PHASES_PER_FRAME
        if n >= self.next:
            return True
        return speech_waits and not self.talking and n >= self._slot - EARLY_PHASES

    def missed(self, n: int) -> int:
        """Slots that a stall of the process swallowed, to be skipped in the timestamps too."""
        if self._slot is None or n - self._slot < 2 * PHASES_PER_FRAME:
            return 0
        slots = (n - self._slot) // PHASES_PER_FRAME
        self._slot += slots * PHASES_PER_FRAME
        return slots

    def sent(self, n: int, talking: bool) -> None:
        """A packet left in phase `n`; `talking`: it carried the agent's speech."""
        assert self._slot is not None
        self.talking = talking
        self._slot += PHASES_PER_FRAME
        self.next = n + PHASES_PER_FRAME if talking else self._slot
