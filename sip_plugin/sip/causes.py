"""Why a call ended: our name for it, the final state it means, who did it, and what the far side
is told. The table is in docs/calls.md."""

import re
from dataclasses import dataclass
from typing import Literal

FinalState = Literal["completed", "failed", "no_answer"]
Who = Literal["far", "agent", "plugin", "network"]
"""`far` is the caller of an inbound call and the callee of an outbound one."""


@dataclass(frozen=True, slots=True)
class Cause:
    """`code` answers an INVITE that is still open, and is the cause in Reason (RFC 3326)."""

    name: str
    code: int
    phrase: str
    state: FinalState = "failed"
    by: Who = "plugin"


_ALL = (
    Cause("caller_hangup", 200, "OK", "completed", "far"),
    Cause("callee_hangup", 200, "OK", "completed", "far"),
    Cause("plugin_hangup", 603, "Decline", "completed"),
    Cause("model_hangup", 603, "Decline", "completed", "agent"),
    Cause("max_duration", 603, "Decline", "completed"),
    Cause("transferred", 200, "OK", "completed", "agent"),
    Cause("transfer_cancelled", 487, "Request Terminated", "completed", "agent"),
    Cause("prompt_ended", 200, "OK", "completed"),
    Cause("refused", 603, "Decline"),
    Cause("transfer_failed", 503, "Service Unavailable"),
    Cause("model_failed", 503, "Service Unavailable", by="agent"),
    Cause("worker_lost", 503, "Service Unavailable"),
    Cause("shutdown", 503, "Service Unavailable"),
    Cause("media_timeout", 408, "Request Timeout", by="network"),
    Cause("media_failed", 500, "Server Internal Error"),
    Cause("media_refused", 488, "Not Acceptable Here", by="far"),
    Cause("no_ack", 408, "Request Timeout", by="network"),
    Cause("ring_timeout", 487, "Request Terminated", "no_answer"),
    Cause("no_answer", 480, "Temporarily Unavailable", "no_answer", "far"),
    Cause("busy", 486, "Busy Here", by="far"),
    Cause("unknown_number", 404, "Not Found", by="far"),
    Cause("rejected", 500, "Server Internal Error", by="far"),
    Cause("trunk_failed", 503, "Service Unavailable", by="network"),
    Cause("no_response", 408, "Request Timeout", by="network"),
    Cause("cancelled", 487, "Request Terminated", by="far"),
    Cause("sip_failed", 500, "Server Internal Error", by="network"),
)
CAUSES = {cause.name: cause for cause in _ALL}

_BY_Q850 = {
    1: "unknown_number",
    2: "trunk_failed",
    3: "unknown_number",
    17: "busy",
    18: "no_answer",
    19: "no_answer",
    20: "no_answer",
    21: "rejected",
    22: "unknown_number",
    27: "trunk_failed",
    28: "unknown_number",
    34: "trunk_failed",
    38: "trunk_failed",
    41: "trunk_failed",
    42: "trunk_failed",
    47: "trunk_failed",
}
"""Causes of ITU-T Q.850 that say more than a SIP code does."""
_BY_CODE = {
    404: "unknown_number",
    410: "unknown_number",
    484: "unknown_number",
    485: "unknown_number",
    604: "unknown_number",
    480: "no_answer",
    486: "busy",
    600: "busy",
    415: "media_refused",
    488: "media_refused",
    606: "media_refused",
}


def cause_of_refusal(code: int, reason_header: str, rang: bool) -> str:
    """Why an outbound call was not answered, by its final code and the far side's Reason.

    `rang`: the far side said so. A telephone network behind the trunk says what it knows in
    Reason, the trunk's own code being a mapping of it (RFC 8606), often a coarse one.
    """
    if code == 408:
        return "no_answer" if rang else "no_response"
    match = re.search(r"(?i)\bq\.850\b[^,]*?;\s*cause\s*=\s*([0-9]{1,3})", reason_header)
    if match and (name := _BY_Q850.get(int(match[1]))):
        return name
    if code == 480 and not rang:
        return "rejected"
    return _BY_CODE.get(code) or ("trunk_failed" if code // 100 == 5 else "rejected")


def who(cause: Cause, direction: str) -> str:
    """`caller`, `callee`, `agent`, `plugin` or `network`."""
    if cause.by != "far":
        return cause.by
    return "caller" if direction == "inbound" else "callee"


def reason_header(cause: Cause, text: str, q850: int = 0) -> tuple[tuple[str, str], ...]:
    """Why we end the call; a normal end needs no explanation. `q850`: a cause to tell besides."""
    told = []
    if cause.state != "completed":
        quoted = text.replace("\\", "").replace('"', "'")[:128]
        told.append(f'SIP;cause={cause.code};text="{quoted}"')
    if q850:
        told.append(f"Q.850;cause={q850}")
    return (("Reason", ", ".join(told)),) if told else ()
