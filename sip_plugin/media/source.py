"""Symmetric RTP: which source is the peer, and where replies go.

The peer is whoever sends from the signalled address. Behind NAT nobody does, so for a bounded
time after an offer or answer the first source that sends valid packets in sequence is taken
instead. From then on the source is pinned: packets from anywhere else are foreign, so that a
stranger who knows the port can neither speak on the call nor draw the agent's voice to himself.
"""

import ipaddress
from dataclasses import dataclass

Address = tuple[str, int]

WINDOW_SECS = 5.0
"""How long after an offer or answer an unexpected source may become the peer."""
STALE_SECS = 0.5
"""After a changed address: the old source may only be sending what was on its way."""
_MAX_CANDIDATES = 8


def usable(host: str, port: int) -> Address | None:
    """The address to send to; None when it is none: port 0, 0.0.0.0, a name, a group."""
    if port == 0:
        return None
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if ip.is_unspecified or ip.is_multicast or str(ip) == "255.255.255.255":
        return None
    return (host, port)


@dataclass(slots=True)
class _Candidate:
    ssrc: int
    next_sequence: int


class PeerSource:
    """Decides packet by packet whether it is the peer's."""

    def __init__(self, signalled: Address | None, now: float):
        self._signalled = signalled
        self._pinned: Address | None = None
        self._previous: Address | None = None
        """The source before the address was changed; heard until the new one shows up."""
        self._opened_at = now
        self._confirmed = False
        """The pinned source has been heard since the last offer or answer."""
        self._candidates: dict[Address, _Candidate] = {}

    def update(self, signalled: Address | None, now: float) -> None:
        """A new offer or answer: the window opens again."""
        if signalled is not None and signalled != self._signalled:
            self._previous = self._pinned or self._previous
            self._pinned = None
        # None is a hold in the old style: what was signalled before stays the reference.
        self._signalled = signalled or self._signalled
        self._opened_at = now
        self._confirmed = False
        self._candidates.clear()

    @property
    def pinned(self) -> Address | None:
        return self._pinned

    @property
    def destination(self) -> Address | None:
        """Where packets for the peer go; None while nobody knows."""
        return self._pinned or self._signalled

    def accepts(
        self, source: Address, ssrc: int, sequence: int, now: float, *, may_pin: bool = True
    ) -> bool:
        """Whether a valid packet from `source` is the peer's.

        Pins an unexpected source when that is called for; never with `may_pin` false (on hold,
        when the peer is silent and a stranger would have no rival).
        """
        if source == self._pinned:
            self._confirmed = True
            return True
        if source == self._signalled:
            # It may take the line back from a source that only stood in for it, as long as
            # the window is open; later it would be a second speaker.
            if self._pinned is None or self._open(now):
                self._pin(source)
                return True
            return False
        if self._pinned is not None and (self._confirmed or not self._moved(source, now)):
            return False
        if source == self._previous and self._pinned is None:
            if now - self._opened_at > STALE_SECS:
                self._pin(source)
            return True
        return may_pin and self._open(now) and self._qualifies(source, ssrc, sequence)

    def move(self, source: Address) -> None:
        """The peer is known to go on from there."""
        self._pin(source)

    def _moved(self, source: Address, now: float) -> bool:
        """Whether `source` may be the pinned one behind a new port of its NAT."""
        return source[0] == self._pinned[0] and now - self._opened_at >= STALE_SECS

    def _open(self, now: float) -> bool:
        return now - self._opened_at <= WINDOW_SECS

    def _qualifies(self, source: Address, ssrc: int, sequence: int) -> bool:
        candidate = self._candidates.get(source)
        if candidate and candidate.ssrc == ssrc and candidate.next_sequence == sequence:
            self._pin(source)
            return True
        if candidate is None and len(self._candidates) >= _MAX_CANDIDATES:
            self._candidates.pop(next(iter(self._candidates)))
        self._candidates[source] = _Candidate(ssrc, (sequence + 1) & 0xFFFF)
        return False

    def _pin(self, source: Address) -> None:
        self._pinned = source
        self._previous = None
        self._confirmed = True
        self._candidates.clear()
