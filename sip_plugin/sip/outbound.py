"""A call that we make: dialled by one trunk after the other until one carries it."""

from collections.abc import Mapping

import dialplan
from dialplan import NoDial
from sip_plugin.config.sip_headers import Headers
from sip_plugin.planes.messages import ChangeLeg, Originate, OriginateAnswer
from sip_plugin.sip import events
from sip_plugin.sip.actions import Action, Dial, HangUp, Tell, ToWorker
from sip_plugin.sip.call import Call
from sip_plugin.sip.ending import Ending
from sip_plugin.sip.identity import identity
from sip_plugin.sip.opening import Opening
from sip_plugin.sip.outward import NoWay, Outward, Way
from sip_plugin.sip.running import LEG_MARK, Running
from sip_plugin.sip.sids import new_sid
from sip_plugin.sip.trunks import Trunk


class Outbound:
    def __init__(self, running: Running, opening: Opening, ending: Ending) -> None:
        self._running = running
        self._opening = opening
        self._ending = ending
        self._outward = Outward(running.trunks, running.gate)

    def originate(self, asked: Originate, now: float) -> list[Action]:
        """Begin a call; the first action answers the request."""
        running = self._running

        def no(code: int, reason: str) -> list[Action]:
            return [Tell(OriginateAnswer(request_id=asked.request_id, code=code, reason=reason))]

        if running.drain_retry_secs is not None:
            return no(503, "the plugin is draining")
        if asked.agent_name not in running.config.agents:
            return no(404, f'there is no agent "{asked.agent_name}"')
        rules = running.config.dialplan.outbound
        plan = rules.decide(asked.number, asked.trunk, asked.caller_id)
        if isinstance(plan, NoDial):
            return no(plan.code, plan.why)
        headers = tuple(asked.sip_headers.items())
        begun = self.begin(asked.agent_name, plan, now, sip_headers=headers)
        if isinstance(begun, NoDial):
            return no(begun.code, begun.why)
        call, actions = begun
        return [Tell(OriginateAnswer(request_id=asked.request_id, sid=call.sid)), *actions]

    def begin(
        self,
        agent: str,
        plan: dialplan.Dial,
        now: float,
        headers: dict[str, str] | None = None,
        sip_headers: Headers = (),
    ) -> tuple[Call, list[Action]] | NoDial:
        """A call of `agent`, which is told `headers`, to a number that may be called.

        `sip_headers` go into its INVITE, with those of the outbound rule, over which they win.
        """
        running = self._running
        if len(running.calls) >= running.max_calls:
            return NoDial(486, f"{len(running.calls)} calls run, the most there may be")
        if running.pool.is_empty:
            return NoDial(503, "no worker has a free RTP port")
        sid = new_sid()
        way = self._outward.begin(sid, agent, plan, running.by_trunk(), now)
        if isinstance(way, NoWay):
            return NoDial(way.code, way.why)
        worker, lease = running.take_port(sid)
        call = Call(
            sid=sid,
            direction="outbound",
            trunk=way.trunk.name,
            agent=agent,
            caller=plan.caller_id or way.trunk.config.sip_username,
            called=plan.number,
            worker=worker,
            state="dialing",
            lease=lease,
            config=running.config,
            headers=headers or {},
            sip_headers=_merged(plan.headers, sip_headers),
            trunks_left=way.left,
            caller_id=plan.caller_id,
            accept_refer=plan.accept_refer,
            accept_replaces=plan.accept_replaces,
            max_duration_secs=running.config.dialplan.limits.max_duration_secs,
        )
        running.calls[sid] = call
        return call, [
            self._opening.begin(call, now),
            Tell(call.told()),
            self._dial(call, way.trunk, now),
        ]

    def ended(self, call: Call, event: events.Ended, now: float) -> list[Action]:
        """The next trunk takes a call that its trunk could not carry; nothing: it is over."""
        if call.ending or not _trunk_is_at_fault(call, event.code):
            return []
        return self._by_next_trunk(call, f"{event.code} {event.reason}", now)

    def not_dialled(self, call: Call, reason: str, now: float) -> list[Action]:
        """The stack would not send the INVITE."""
        if actions := self._by_next_trunk(call, reason, now):
            return actions
        call.ending, call.reason = "sip_failed", reason
        return self._ending.finish(call, 500, reason)

    def rang_out(self, call: Call, now: float) -> list[Action]:
        call.end_early_media(now)
        silent = HangUp(call.leg, 487, "Request Terminated")
        if call.state == "dialing" and (actions := self._by_next_trunk(call, "no answer", now)):
            return [silent, *actions]
        return self._ending.end(call, "ring_timeout", "not answered in time", now)

    def _dial(self, call: Call, trunk: Trunk, now: float) -> Dial:
        call.timers["ring"] = now + trunk.config.max_ring_secs
        far = trunk.addresses[0] if trunk.addresses else ""
        local = self._running.local_media(call.lease, trunk, far)
        target = trunk.target_of(call.called)
        who = identity(trunk, call.caller_id)
        headers = (*who.headers, *call.sip_headers)
        return Dial(call.leg, trunk.name, target, local, who.local_uri, headers)

    def _by_next_trunk(self, call: Call, why: str, now: float) -> list[Action]:
        """Dial by the next trunk that can; nothing when there is none.

        With a name of its own at the stack, where the last attempt may take a while to end.
        """
        way: Way | None = self._outward.next(call, self._running.by_trunk(), now)
        if way is None:
            return []
        gone, call.trunk, call.trunks_left = call.trunk, way.trunk.name, way.left
        call.legs += 1
        call.leg = f"{call.sid}{LEG_MARK}{call.legs}"
        call.caller = call.caller_id or way.trunk.config.sip_username
        call.state, call.media = "dialing", None
        told = {"announcement_secs": call.announcement_secs} if call.announcement_secs else {}
        tried = call.event("trunk_failed", trunk=gone, reason=why, next=call.trunk, **told)
        call.announcement_secs = 0.0
        dial = self._dial(call, way.trunk, now)
        leg = call.config.leg_of(call.trunk, call.agent)
        if leg == call.config.leg_of(gone, call.agent):
            return [Tell(tried), Tell(call.told()), dial]
        changed = ToWorker(call.worker, ChangeLeg(sid=call.sid, leg=leg))
        return [changed, Tell(tried), Tell(call.told()), dial]


def _merged(of_rule: Mapping[str, str], asked: Headers) -> Headers:
    """Names in any case; as many as there may be of each of the two."""
    named = {name.lower() for name, _ in asked}
    return (*((n, text) for n, text in of_rule.items() if n.lower() not in named), *asked)


def _trunk_is_at_fault(call: Call, code: int) -> bool:
    """Another trunk may do better: this one failed (5xx), or said nothing at all (408)."""
    if call.direction != "outbound" or call.confirmed:
        return False
    return code // 100 == 5 or (code == 408 and call.state == "dialing")
