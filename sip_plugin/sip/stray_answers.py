"""Which code a request gets that is of no call, or of none of the methods that calls have.

RFC 3261 sections 8.2.1 and 12.2.2, RFC 6665 sections 4.1.3 and 4.2.1. A core without I/O.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sip_plugin.sip.limits import SourceLimits

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY"
_OF_CALLS = frozenset({"BYE", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY"})
_KNOWN = _OF_CALLS | {"SUBSCRIBE", "MESSAGE", "PUBLISH", "REGISTER"}
_MESSAGES_WAITING = "message-summary"
"""A PBX tells this to everyone who registers, asked or not: the stack takes it."""

STRANGERS_RATE = 300.0
"""Requests a second that all strangers together get answers to."""

Answer = tuple[int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Stray:
    method: str
    event: str
    """The package of its Event header (RFC 6665), in lower case."""
    has_tag: bool
    """Of To: it says that it is of a call."""
    is_of_call: bool
    """It is."""


def answer_to(stray: Stray) -> Answer | None:
    """None: the stack knows what to say. Not for INVITE, ACK, CANCEL and OPTIONS.

    Requests that a call lives by are its own whenever they have a tag: it may know their call where
    we do not.
    """
    match stray.method:
        case "SUBSCRIBE" if stray.is_of_call or not stray.has_tag:
            return 489, (("Allow-Events", "refer"),)
        case "NOTIFY" if stray.is_of_call and stray.event != "refer":
            return 489, (("Allow-Events", "refer"),)
        case "NOTIFY" if stray.event == _MESSAGES_WAITING:
            return None
        case "REFER" if not stray.has_tag:
            return 405, (("Allow", ALLOW),)
        case method if method in _OF_CALLS:
            return None if stray.has_tag else (481, ())
        case _ if stray.has_tag and not stray.is_of_call:
            return 481, ()
        case method if method in _KNOWN:
            return 405, (("Allow", ALLOW),)
        case _:
            return 501, (("Allow", ALLOW),)


class StrayLimits:
    """How many requests of no call are answered: so many of each source, as of INVITEs, and so
    many of all strangers. What is more gets no answer, which would only be more traffic.

    Times are seconds of a monotonic clock, given in.
    """

    def __init__(self, is_trunk: Callable[[str], bool]) -> None:
        self.dropped = 0
        self._is_trunk = is_trunk
        self._of_source = {True: SourceLimits(), False: SourceLimits()}
        """Of OPTIONS, by which a proxy finds out whether we live, and of others."""
        self._of_strangers = SourceLimits(STRANGERS_RATE, 2 * STRANGERS_RATE)

    def admit(self, source: str, method: str, now: float) -> bool:
        """Count one. Sources are IP addresses."""
        ok = self._of_source[method == "OPTIONS"].admit(source, now)
        ok = ok and (self._is_trunk(source) or self._of_strangers.admit("", now))
        self.dropped += not ok
        return ok
