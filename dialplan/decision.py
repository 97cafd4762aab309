"""What becomes of a call: the facts in, the decision and its reason out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dialplan.number import normalize
from dialplan.plan import Plan

# RFC 3261 section 21.
_PHRASES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    406: "Not Acceptable",
    408: "Request Timeout",
    410: "Gone",
    480: "Temporarily Unavailable",
    484: "Address Incomplete",
    486: "Busy Here",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
}


@dataclass(frozen=True)
class CallFacts:
    """What is known of an inbound call before it is answered. Any of it may be hostile."""

    called: str
    """User part of the Request-URI, as it came."""
    caller: str = ""
    """User part of From, as it came; empty for an anonymous caller."""
    trunk: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The call goes to this agent."""

    agent: str
    why: str
    """For people: the rule that decided."""


@dataclass(frozen=True)
class Reject:
    """The call is refused with this SIP code and reason phrase."""

    code: int
    reason: str
    why: str


Decision = Answer | Reject


def decide(plan: Plan, call: CallFacts) -> Decision:
    """Find the first route whose number is the called one; without any, the default applies.

    A called number that cannot be one (too long, other characters than `normalize` takes) is
    refused with 404 whatever the default is, and is not repeated in `why`. A call that names no
    number at all gets the default.
    """
    if not call.called:
        return _default(plan, "the call names no number")
    try:
        number = normalize(call.called)
    except ValueError as error:
        return _reject(404, f"the called number is {error}")
    for position, route in enumerate(plan.routes, start=1):
        if route.number == number:
            return Answer(route.agent, f"route {position} is for {number}")
    return _default(plan, f"no route is for {number}")


def _default(plan: Plan, because: str) -> Decision:
    if plan.default.reject is not None:
        return _reject(plan.default.reject, f"{because}; the default rejects")
    return Answer(plan.default.agent, f"{because}; the default answers")


def _reject(code: int, why: str) -> Reject:
    return Reject(code, _PHRASES.get(code, "Call Rejected"), why)
