"""Decides what becomes of a call. A core without I/O; imports neither of the other packages."""

from dialplan.decision import (
    Answer,
    CallFacts,
    Decision,
    Explanation,
    Play,
    Prompt,
    Redirect,
    Reject,
    Step,
    Transfer,
)
from dialplan.engine import Dialplan, decide
from dialplan.gate import Gate
from dialplan.hours import Times
from dialplan.limits import Key, Limit, Limiter, Limits, Over
from dialplan.number import normalize
from dialplan.numbering import Numbering
from dialplan.outbound import Dial, NoDial, Outbound, OutboundRule
from dialplan.plan import Callers, Default, Plan, Route

__all__ = [
    "Answer",
    "CallFacts",
    "Callers",
    "Decision",
    "Default",
    "Dial",
    "Dialplan",
    "Explanation",
    "Gate",
    "Key",
    "Limit",
    "Limiter",
    "Limits",
    "NoDial",
    "Numbering",
    "Outbound",
    "OutboundRule",
    "Over",
    "Plan",
    "Play",
    "Prompt",
    "Redirect",
    "Reject",
    "Route",
    "Step",
    "Times",
    "Transfer",
    "decide",
    "normalize",
]
