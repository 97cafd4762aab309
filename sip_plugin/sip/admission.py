"""Whether an INVITE becomes a call: who sends it, where it leads, what there is room for."""

from dataclasses import dataclass

from dialplan import Answer as Routed
from dialplan import CallFacts, decide, normalize
from sip_plugin.config import Config
from sip_plugin.sip import sdp
from sip_plugin.sip.events import Invite, Refuse
from sip_plugin.sip.message import printable
from sip_plugin.sip.trunks import Trunk, Trunks

BUSY_RETRY_SECS = 2
"""Retry-After when a moment later may be better: no port, no worker, too many INVITEs."""


@dataclass(frozen=True, slots=True)
class Load:
    """What runs already, as far as this INVITE is concerned."""

    calls: int
    calls_of: dict[str, int]
    """By trunk."""
    pending_of_source: int
    """Calls of the INVITE's source that are not confirmed."""
    pending_allowed: int
    source_admitted: bool
    max_calls: int
    drain_retry_secs: int | None = None
    """Draining: what Retry-After says."""


@dataclass(frozen=True, slots=True)
class Admitted:
    trunk: Trunk
    agent: str
    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class Turned:
    """Refused; `why` is for the log."""

    refusal: Refuse
    why: str
    trunk: str = ""


def number(user: str) -> str:
    """A user part as states and agents see it: normalised, or bounded and printable."""
    try:
        return normalize(user)
    except ValueError:
        return printable(user)[:64]


def admit(config: Config, trunks: Trunks, load: Load, invite: Invite) -> Admitted | Turned:
    """Decide about one INVITE. Strangers are told nothing but 403, whatever they ask for."""
    address = invite.source[0]
    called = number(invite.called)
    trunk = trunks.by_source(address, invite.account, called)
    if trunk is None:
        return Turned(Refuse(403, "Forbidden"), f"{address} is no trunk's and in no allow_from")
    name = trunk.name
    if load.drain_retry_secs is not None:
        return Turned(unavailable(load.drain_retry_secs), "draining", name)
    if not load.source_admitted:
        return Turned(unavailable(BUSY_RETRY_SECS), f"too many INVITEs from {address}", name)
    facts = CallFacts(invite.called, invite.caller, name, invite.headers)
    decision = decide(config.dialplan, facts)
    if not isinstance(decision, Routed):
        return Turned(Refuse(decision.code, decision.reason), decision.why, name)
    if invite.offer is not None and not sdp.choose(invite.offer, trunk.config.codec_preferences):
        why = invite.offer.problem or "no common codec"
        return Turned(Refuse(488, "Not Acceptable Here"), why, name)
    limit = trunk.config.channel_limit
    if load.calls >= load.max_calls or (limit and load.calls_of.get(name, 0) >= limit):
        which = f"{load.calls} calls, the most there may be"
        if load.calls < load.max_calls:
            which = f"trunk {name} has its {limit} calls"
        return Turned(Refuse(486, "Busy Here"), which, name)
    if load.pending_of_source >= load.pending_allowed:
        why = f"{load.pending_of_source} calls of {address} are not acknowledged"
        return Turned(unavailable(BUSY_RETRY_SECS), why, name)
    return Admitted(trunk, decision.agent, number(invite.caller), called)


def unavailable(retry_after_secs: int) -> Refuse:
    headers = (("Retry-After", str(max(1, retry_after_secs))),)
    return Refuse(503, "Service Unavailable", headers)
