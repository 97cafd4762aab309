"""Whether an INVITE becomes a call: who sends it, where it leads, what there is room for."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from dialplan import Answer as Routed
from dialplan import CallFacts, Gate, Play, Redirect, Reject, Transfer, normalize
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
    """May be let in, when the limits of its route have room and a port is free."""

    trunk: Trunk
    facts: CallFacts
    routed: Routed | Play | Transfer
    caller: str
    """Empty when it is withheld."""
    called: str


@dataclass(frozen=True, slots=True)
class Turned:
    """Refused; `why` is for the log."""

    refusal: Refuse
    why: str
    trunk: str = ""


def number(user: str, read: Callable[[str], str] = normalize) -> str:
    """A user part as states and agents see it: as `read` has it, or bounded and printable."""
    try:
        return read(user)
    except ValueError:
        return printable(user)[:64]


def admit(
    gate: Gate, trunks: Trunks, load: Load, invite: Invite, at: dt.datetime
) -> Admitted | Turned:
    """Decide about one INVITE, at a time with its zone; nothing is counted yet.

    Strangers are told nothing but 403, whatever they ask for.
    """
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
    headers = {**invite.headers, "privacy": invite.privacy}
    trusted = invite.asserted if trunk.config.asserted_identity else ""
    says = trusted or invite.caller
    facts = CallFacts(invite.called, says, name, headers, invite.sid)
    decision = gate.decide(facts, at)
    if isinstance(decision, Reject | Redirect):
        return Turned(refusal(decision, trunks, trunk), decision.why, name)
    offer = invite.offer and invite.offer.with_srtp(trunk.config.srtp)
    if offer is not None and not sdp.choose(offer, trunk.config.codec_preferences):
        why = offer.problem or "no common codec"
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
    numbers = trunk.config.numbers
    caller = "" if facts.is_anonymous else number(says, numbers.caller)
    return Admitted(trunk, facts, decision, caller, number(invite.called, numbers.called))


def refusal(decision: Reject | Redirect, trunks: Trunks, trunk: Trunk) -> Refuse:
    """What a caller is told whose call does not come in; `trunk` is the one that it came by."""
    if isinstance(decision, Redirect):
        to = trunks[decision.trunk] if decision.trunk else trunk
        has_scheme = decision.target.startswith(("sip:", "sips:", "tel:"))
        uri = decision.target if has_scheme else to.uri_of(decision.target)
        return Refuse(decision.code, decision.reason, (("Contact", f"<{uri}>"),))
    if decision.retry_after_secs:
        headers = (("Retry-After", str(decision.retry_after_secs)),)
        return Refuse(decision.code, decision.reason, headers)
    return Refuse(decision.code, decision.reason)


def unavailable(retry_after_secs: int) -> Refuse:
    headers = (("Retry-After", str(max(1, retry_after_secs))),)
    return Refuse(503, "Service Unavailable", headers)
