"""What becomes of a call: the facts in, the decision and its reason out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# RFC 3261 section 21; 433 is of RFC 5079.
_PHRASES = {
    302: "Moved Temporarily",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    406: "Not Acceptable",
    408: "Request Timeout",
    410: "Gone",
    433: "Anonymity Disallowed",
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

# What phones and providers put there for a number that is withheld (RFC 3323 section 4.1).
_WITHHELD = frozenset(
    {"", "anonymous", "restricted", "unavailable", "unknown", "private", "withheld"}
)


@dataclass(frozen=True)
class CallFacts:
    """What is known of an inbound call before it is answered. Any of it may be hostile."""

    called: str
    """User part of the Request-URI, as it came."""
    caller: str = ""
    """User part of From, as it came; empty for an anonymous caller."""
    trunk: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """X- headers, and Privacy if there is one."""
    sid: str = ""
    """Our name of the call: stands for the caller in a split when the number is withheld."""

    @property
    def is_anonymous(self) -> bool:
        """The caller withholds the number: there is none, or Privacy says so (RFC 3323, 3325)."""
        if self.caller.lower() in _WITHHELD:
            return True
        wanted = next((v for k, v in self.headers.items() if k.lower() == "privacy"), "")
        return bool({"id", "user"} & {part.strip().lower() for part in wanted.split(";")})


@dataclass(frozen=True)
class Prompt:
    """A file that is played when the call is answered."""

    file: str
    times: int = 1


@dataclass(frozen=True)
class Answer:
    """The call goes to an agent."""

    agent: str
    why: str
    """For people: the rule that decided."""
    route: str = ""
    """The rule, as logs and limits name it."""
    agents: tuple[str, ...] = ()
    """All that may take the call, in their order; the first is `agent`."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Told to the agent as headers of the call."""
    ring_secs: float = 0.0
    max_duration_secs: float = 0.0
    """0: no limit."""
    prompt: Prompt | None = None
    """Played before the agent is heard."""
    early_media: str = "none"
    """What is heard before the answer: `none`, `ringback` or `greeting`."""
    accept_refer: tuple[str, ...] = ()
    """Numbers, patterns and addresses that the caller's side may send the agent on to."""
    accept_replaces: bool = False
    """Another call of the trunk may take this one's place."""


@dataclass(frozen=True)
class Reject:
    """The call is refused with this SIP code and reason phrase."""

    code: int
    reason: str
    why: str
    route: str = ""
    retry_after_secs: int = 0
    """For Retry-After; 0: none."""


@dataclass(frozen=True)
class Redirect:
    """The caller's side is told to call elsewhere."""

    target: str
    """A URI, or a number."""
    trunk: str
    """The trunk whose domain a number belongs to; empty: that of the call."""
    why: str
    route: str = ""
    code: int = 302
    reason: str = "Moved Temporarily"


@dataclass(frozen=True)
class Play:
    """The call is answered, a file is played, and it ends; or it is not answered but refused."""

    prompt: Prompt
    why: str
    route: str = ""
    hangup_cause: int = 16
    """Of Q.850."""
    refuse: Reject | None = None
    """The file is played before any answer, and then the call is refused like this."""
    ring_secs: float = 0.0
    max_duration_secs: float = 0.0


@dataclass(frozen=True)
class Transfer:
    """The call is answered, a file is played if there is one, and it is transferred."""

    target: str
    """A URI, or a number."""
    why: str
    route: str = ""
    prompt: Prompt | None = None
    ring_secs: float = 0.0
    max_duration_secs: float = 0.0


Decision = Answer | Reject | Redirect | Play | Transfer


@dataclass(frozen=True)
class Step:
    """One rule that was tried."""

    rule: str
    matched: bool
    why: str


@dataclass(frozen=True)
class Explanation:
    decision: Decision
    number: str
    """The called number as it was compared; empty when there is none."""
    caller: str
    """The caller's number as it was compared; empty when it is withheld."""
    steps: tuple[Step, ...]
    """Every rule that was tried, in order."""


def reject(code: int, why: str, route: str = "") -> Reject:
    return Reject(code, _PHRASES.get(code, "Call Rejected"), why, route)
