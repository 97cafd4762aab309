"""An INVITE becomes a call that rings, or is refused."""

import datetime as dt
from collections.abc import Callable

from dialplan import Answer as Routed
from dialplan import Play, Reject, Transfer
from sip_plugin.planes.messages import CallRefused
from sip_plugin.sip import events
from sip_plugin.sip.actions import Action, Answer, Tell
from sip_plugin.sip.admission import (
    BUSY_RETRY_SECS,
    Admitted,
    Load,
    admit,
    refusal,
    unavailable,
)
from sip_plugin.sip.call import Call
from sip_plugin.sip.events import Accept, Invite, Refuse
from sip_plugin.sip.farewells import farewell_of, prompt_of
from sip_plugin.sip.limits import SourceLimits
from sip_plugin.sip.opening import Opening
from sip_plugin.sip.running import Running


class Inbound:
    def __init__(
        self,
        running: Running,
        opening: Opening,
        limits: SourceLimits,
        wall_clock: Callable[[], dt.datetime],
    ) -> None:
        """`wall_clock`: the time, with its zone, at which opening hours are looked at."""
        self._running = running
        self._opening = opening
        self._limits = limits
        self._wall_clock = wall_clock

    def invite(self, invite: Invite, now: float) -> tuple[Accept | Refuse, list[Action]]:
        """Decide about an INVITE; the actions come after the decision was carried out."""
        running = self._running
        load, at = self._load(invite, now), self._wall_clock()
        outcome = admit(running.gate, running.trunks, load, invite, at)
        if not isinstance(outcome, Admitted):
            return _refused(outcome.refusal, outcome.why, outcome.trunk, invite)
        trunk, routed = outcome.trunk, outcome.routed
        if running.pool.is_empty:
            why = "no worker has a free RTP port"
            return _refused(unavailable(BUSY_RETRY_SECS), why, trunk.name, invite)
        agent = running.gate.enter(outcome.facts, routed, now)
        if isinstance(agent, Reject):
            refused = refusal(agent, running.trunks, trunk)
            return _refused(refused, agent.why, trunk.name, invite)
        worker, lease = running.take_port(invite.sid)
        variables = routed.variables if isinstance(routed, Routed) else {}
        call = Call(
            sid=invite.sid,
            direction="inbound",
            trunk=trunk.name,
            agent=agent,
            caller=outcome.caller,
            called=outcome.called,
            worker=worker,
            state="ringing",
            lease=lease,
            config=running.config,
            source=invite.source[0],
            headers={**variables, **_told(invite.headers, trunk.config.agent_headers)},
            rings_until=now + routed.ring_secs,
            early_media=_early_media(routed),
            accept_refer=routed.accept_refer if isinstance(routed, Routed) else (),
            accept_replaces=isinstance(routed, Routed) and routed.accept_replaces,
            give_up_at=now + running.config.sip.answer_timeout_secs,
            max_duration_secs=routed.max_duration_secs,
            prompt=prompt_of(routed.prompt),
            farewell=farewell_of(routed),
        )
        running.calls[call.sid] = call
        return Accept(running.local_media(lease, trunk, invite.source[0])), [
            self._opening.begin(call, now),
            Answer(call.sid, 183 if call.early_media == "ringback" else 180),
            Tell(call.told()),
        ]

    def _load(self, invite: Invite, now: float) -> Load:
        running, source = self._running, invite.source[0]
        return Load(
            calls=len(running.calls),
            calls_of=running.by_trunk(),
            pending_of_source=running.pending_of(source),
            pending_allowed=self._limits.pending_allowed(source, running.max_calls, now),
            source_admitted=self._limits.admit(source, now),
            max_calls=running.max_calls,
            drain_retry_secs=running.drain_retry_secs,
        )


def _early_media(routed: Routed | Play | Transfer) -> str:
    """What is heard before the answer."""
    if isinstance(routed, Routed):
        return routed.early_media
    return "prompt" if isinstance(routed, Play) and routed.refuse is not None else "none"


def _told(headers: dict[str, str], allowed: tuple[str, ...]) -> dict[str, str]:
    """Those that the trunk lets through to an agent."""
    return {
        name: text
        for name, text in headers.items()
        if any(name == p or (p[-1] == "*" and name.startswith(p[:-1])) for p in allowed)
    }


def turned_away(event: events.CallTurnedAway) -> list[Action]:
    """The stack refused an INVITE before anyone was asked."""
    called = event.called[:64]
    return [Tell(CallRefused(code=event.code, reason=event.reason, trunk="", called=called))]


def _refused(refusal: Refuse, why: str, trunk: str, invite: Invite) -> tuple[Refuse, list[Action]]:
    called = invite.called[:64]
    reason = f"{refusal.reason}: {why}"
    told = CallRefused(code=refusal.code, reason=reason, trunk=trunk, called=called)
    return refusal, [Tell(told)]
