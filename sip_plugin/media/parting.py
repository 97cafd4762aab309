"""A model that hangs up or transfers: it may finish its last words first."""

from bridge.leg.interface import HangupAsked, TransferAsked

PARTING_SECS = 10.0
"""How long it may take over them."""

Parted = HangupAsked | TransferAsked


class Parting:
    def __init__(self) -> None:
        self._asked: Parted | None = None
        self._since = 0.0

    def ask(self, asked: Parted, now: float) -> None:
        self._asked, self._since = asked, now

    @property
    def asked(self) -> bool:
        return self._asked is not None

    def due(self, silent: bool, now: float) -> Parted | None:
        """What it asked for, once, when the agent is silent in this slot or has talked too long."""
        if self._asked is None or (not silent and now - self._since < PARTING_SECS):
            return None
        asked, self._asked = self._asked, None
        return asked
