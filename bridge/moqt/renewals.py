"""Subscriptions that the other side ends after a time, unless they are asked for again (EXPIRES,
draft 18, section 10.2.10)."""

from bridge.moqt.messages import Param, Parameters
from bridge.moqt.tracks import Handle

SHARE = 0.75
"""Of the time, after which it is asked."""
LEAST_SECS = 1.0


class Renewals:
    """When a REQUEST_UPDATE is due that changes nothing; times in seconds."""

    def __init__(self) -> None:
        self._at: dict[Handle, float] = {}

    def note(self, handle: Handle, parameters: Parameters, now: float) -> None:
        """The other side has said, or not, how long it goes on."""
        ms = parameters.get(Param.EXPIRES, 0)
        if ms:
            self._at[handle] = now + max(LEAST_SECS, SHARE * ms / 1000)

    def forget(self, handle: Handle) -> None:
        self._at.pop(handle, None)

    @property
    def times(self) -> list[float]:
        return list(self._at.values())

    def due(self, now: float) -> list[Handle]:
        """Those that are due, once each: the answer says when again."""
        found = [handle for handle, at in self._at.items() if now >= at]
        for handle in found:
            del self._at[handle]
        return found
