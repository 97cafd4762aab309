"""Decides which agent a call reaches. A core without I/O; imports neither of the other packages."""

from dialplan.decision import Answer, CallFacts, Decision, Reject, decide
from dialplan.number import normalize
from dialplan.plan import Default, Plan, Route

__all__ = [
    "Answer",
    "CallFacts",
    "Decision",
    "Default",
    "Plan",
    "Reject",
    "Route",
    "decide",
    "normalize",
]
