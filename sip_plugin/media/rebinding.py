"""The peer's packets come from another address in mid-call, and nobody signalled it: its router
forgot the way and made another, or it went to another network (RFC 7362 section 4.3). Core without
I/O.

An address is no proof of who speaks, and whoever takes the line hears the agent. So only the peer's
own stream is followed, told by its SSRC and sequence numbers, which a stranger off the path does
not know; after the old address has been silent for a while; and not often. An old address that
speaks up soon has the line back at once; if the new one goes on beside it, that was no router, and
none is followed any more on that call.
"""

from sip_plugin.media.source import Address

SILENT_SECS = 0.5
"""Nothing came from the old address for so long: it is not just that packets took two ways."""
PROOF_PACKETS = 3
"""So many in sequence, from one address."""
REST_SECS = 5.0
"""From one move to the next."""
MAX_MOVES = 8
"""Of a call."""
LATE_SECS = 2.0
"""After a move what the old address had sent before it may still come: no sign that it speaks."""
_MOST_A_SECOND = 200
"""Packets, of 5 ms; which bounds how far the numbers can have gone on meanwhile."""
_SLACK = 100
"""Packets that the order of the numbers may be wrong by."""


class Rebinding:
    """Asked about packets from an unexpected address only."""

    def __init__(self) -> None:
        self.moves = 0
        self.distrusted = False
        """Two addresses spoke at once with one stream's numbers."""
        self._moved_at = float("-inf")
        self._left: dict[Address, int] = {}
        """The addresses before, each with the SSRC of the stream that it sent: the new one may have
        made anything of its numbers since."""
        self._rivals: set[Address] = set()
        """Those that an old address has had the line back from."""
        self._moved_with = 0
        """The sequence number that the last move was made with."""
        self._goes_back = False
        self._candidate: Address | None = None
        self._next = 0
        """The candidate's next sequence number."""
        self._proofs = 0

    def forget(self) -> None:
        """A new address was signalled: nothing that came before counts."""
        self._left, self._rivals, self._candidate = {}, set(), None

    def follows(
        self,
        source: Address,
        ssrc: int,
        sequence: int,
        *,
        stream: int,
        newest: int,
        silent_secs: float,
        now: float,
    ) -> bool:
        """Whether `source`, which sends that, is where the peer is now.

        `stream`: the peer's SSRC, `newest`: its newest sequence number. `silent_secs`: since the
        last packet from where the peer was.
        """
        is_old = self._left.get(source) == ssrc
        if ssrc != stream and not is_old:
            return False
        is_before = (sequence - self._moved_with) & 0xFFFF >= 0x8000
        if is_old and is_before and now - self._moved_at < LATE_SECS:
            return False
        if silent_secs < SILENT_SECS:
            self.distrusted |= source in self._rivals
            self._goes_back = source in self._left
            if self._goes_back:
                return True
        ahead = (sequence - newest + _SLACK) & 0xFFFF
        if not is_old and ahead > 2 * _SLACK + silent_secs * _MOST_A_SECOND:
            return False
        in_sequence = source == self._candidate and sequence == self._next
        self._proofs = self._proofs + 1 if in_sequence else 1
        self._candidate, self._next = source, (sequence + 1) & 0xFFFF
        if self._proofs < PROOF_PACKETS or silent_secs < SILENT_SECS:
            return False
        rests = now - self._moved_at < REST_SECS and not is_old
        if rests or self.distrusted or self.moves >= MAX_MOVES:
            return False
        self._candidate, self._moved_with = None, sequence
        return True

    def moved(self, left: Address | None, ssrc: int, to: Address, now: float) -> None:
        """It was followed, away from `left`, where its stream was `ssrc`."""
        self.moves += 1
        self._moved_at = now
        self._left.pop(to, None)
        if left is not None:
            self._left[left] = ssrc
        self._rivals = set()
        if self._goes_back:
            self._rivals, self._left = set(self._left), {}
        self._goes_back = False
