"""Why a call ended: our name for it, the final state it means, and what the far side is told."""

from dataclasses import dataclass
from typing import Literal

FinalState = Literal["completed", "failed", "no_answer"]


@dataclass(frozen=True, slots=True)
class Cause:
    """`code` answers an INVITE that is still open, and is the cause in Reason (RFC 3326)."""

    name: str
    code: int
    phrase: str
    state: FinalState = "failed"


_ALL = (
    Cause("caller_hangup", 200, "OK", "completed"),
    Cause("callee_hangup", 200, "OK", "completed"),
    Cause("plugin_hangup", 603, "Decline", "completed"),
    Cause("model_hangup", 603, "Decline", "completed"),
    Cause("max_duration", 603, "Decline", "completed"),
    Cause("transferred", 200, "OK", "completed"),
    Cause("prompt_ended", 200, "OK", "completed"),
    Cause("transfer_failed", 503, "Service Unavailable"),
    Cause("model_failed", 503, "Service Unavailable"),
    Cause("worker_lost", 503, "Service Unavailable"),
    Cause("shutdown", 503, "Service Unavailable"),
    Cause("media_timeout", 408, "Request Timeout"),
    Cause("media_failed", 500, "Server Internal Error"),
    Cause("media_refused", 488, "Not Acceptable Here"),
    Cause("no_ack", 408, "Request Timeout"),
    Cause("ring_timeout", 487, "Request Terminated", "no_answer"),
    Cause("rejected", 500, "Server Internal Error"),
    Cause("cancelled", 487, "Request Terminated"),
    Cause("sip_failed", 500, "Server Internal Error"),
)
CAUSES = {cause.name: cause for cause in _ALL}


def reason_header(cause: Cause, text: str, q850: int = 0) -> tuple[tuple[str, str], ...]:
    """Why we end the call; a normal end needs no explanation. `q850`: a cause to tell besides."""
    told = []
    if cause.state != "completed":
        quoted = text.replace("\\", "").replace('"', "'")[:128]
        told.append(f'SIP;cause={cause.code};text="{quoted}"')
    if q850:
        told.append(f"Q.850;cause={q850}")
    return (("Reason", ", ".join(told)),) if told else ()
