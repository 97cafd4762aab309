"""One thing looked at."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    LIMIT = "limit"
    """It works, with less than there could be."""
    FAULT = "fault"
    """Calls will fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    subject: str
    state: State
    found: str
    advice: str = ""
    """What to do; empty when nothing is to be done."""


def ok(subject: str, found: str) -> Finding:
    return Finding(subject, State.OK, found)


def limit(subject: str, found: str, advice: str) -> Finding:
    return Finding(subject, State.LIMIT, found, advice)


def fault(subject: str, found: str, advice: str) -> Finding:
    return Finding(subject, State.FAULT, found, advice)
