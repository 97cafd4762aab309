"""The life of every call: events and messages in, actions out. A core without I/O.

Inbound: INVITE, 180 while the model opens, 200 when it is ready, media, the end. Outbound: the
model opens while the far side rings. Times are seconds of a monotonic clock, given in.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address

from dialplan import Gate, NoDial, Reject, normalize
from sip_plugin.config import Config
from sip_plugin.planes.messages import (
    CallRefused,
    CallState,
    CloseCall,
    EndCall,
    Hangup,
    Lease,
    Message,
    ModelFailed,
    ModelReady,
    Originate,
    OriginateAnswer,
    TransferCall,
)
from sip_plugin.sip import events
from sip_plugin.sip.actions import Action, Answer, Dial, HangUp, Refer, Tell, ToWorker
from sip_plugin.sip.admission import (
    BUSY_RETRY_SECS,
    Admitted,
    Load,
    admit,
    refusal,
    unavailable,
)
from sip_plugin.sip.call import Call
from sip_plugin.sip.causes import CAUSES, reason_header
from sip_plugin.sip.events import Accept, Invite, LocalMedia, Refuse
from sip_plugin.sip.leases import LeasePool
from sip_plugin.sip.limits import SourceLimits
from sip_plugin.sip.outward import NoWay, Outward, Way
from sip_plugin.sip.sids import new_sid
from sip_plugin.sip.trunks import Trunk, Trunks

OPEN_SLACK_SECS = 1.0
"""The worker gives up on a model by itself, and knows why; we do only if it says nothing."""
END_SECS = 5.0
"""A far side that does not answer our BYE or CANCEL is not waited for any longer."""
TRANSFER_SECS = 30.0
LEG_MARK = "~"
"""Between a sid and the number of a further attempt of that call; sids have none."""


def _wall_clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class CallControl:
    def __init__(
        self,
        config: Config,
        trunks: Trunks,
        pool: LeasePool,
        route: Callable[[str], str],
        max_calls: int,
        limits: SourceLimits | None = None,
        wall_clock: Callable[[], dt.datetime] = _wall_clock,
    ) -> None:
        """`route` tells our address towards an IP address, for sockets bound to all of them;
        `wall_clock` the time, with its zone, at which opening hours are looked at.
        """
        self._config = config
        self._trunks = trunks
        self._pool = pool
        self._route = route
        self._max_calls = max_calls
        self._limits = limits or SourceLimits()
        self._wall_clock = wall_clock
        self._gate = Gate(config.routing)
        self._outward = Outward(trunks, self._gate)
        self._calls: dict[str, Call] = {}
        self._drain_retry_secs: int | None = None

    @property
    def sids(self) -> list[str]:
        return list(self._calls)

    def states(self) -> list[CallState]:
        """Every running call, for a supervisor that has just connected."""
        return [call.told() for call in self._calls.values()]

    def drain(self, retry_after_secs: int) -> None:
        """From now on new calls are refused."""
        self._drain_retry_secs = retry_after_secs

    def reconfigure(self, config: Config) -> None:
        """From now on calls begin with this; running ones go on with what they began with."""
        self._config = config
        self._trunks.replace(config.trunks)
        self._gate.replace(config.routing)

    # --- inbound -------------------------------------------------------------------------

    def invite(self, invite: Invite, now: float) -> tuple[Accept | Refuse, list[Action]]:
        """Decide about an INVITE; the actions come after the decision was carried out."""
        load, at = self._load(invite, now), self._wall_clock()
        outcome = admit(self._gate, self._trunks, load, invite, at)
        if not isinstance(outcome, Admitted):
            return self._refused(outcome.refusal, outcome.why, outcome.trunk, invite)
        trunk, routed = outcome.trunk, outcome.routed
        if self._pool.is_empty:
            why = "no worker has a free RTP port"
            return self._refused(unavailable(BUSY_RETRY_SECS), why, trunk.name, invite)
        agent = self._gate.enter(outcome.facts, routed, now)
        if isinstance(agent, Reject):
            refused = refusal(agent, self._trunks, trunk)
            return self._refused(refused, agent.why, trunk.name, invite)
        worker, lease = self._taken(invite.sid)
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
            config=self._config,
            source=invite.source[0],
            headers={**routed.variables, **invite.headers},
            rings_until=now + routed.ring_secs,
            give_up_at=now + self._config.sip.answer_timeout_secs,
            max_duration_secs=routed.max_duration_secs,
        )
        self._calls[call.sid] = call
        self._wait_for_model(call, now)
        return Accept(self._local(lease, trunk, invite.source[0])), [
            ToWorker(worker, call.opening()),
            Answer(call.sid, 180),
            Tell(call.told()),
        ]

    def _taken(self, sid: str) -> tuple[str, Lease]:
        """A port, of which there is one."""
        taken = self._pool.take(sid)
        assert taken is not None
        return taken

    def _wait_for_model(self, call: Call, now: float) -> None:
        due = now + call.agent_spec.open_timeout_secs + OPEN_SLACK_SECS
        call.timers["open"] = min(due, call.give_up_at) if call.give_up_at else due

    def _used(self) -> Counter[str]:
        """Running calls by trunk."""
        return Counter(call.trunk for call in self._calls.values())

    def _load(self, invite: Invite, now: float) -> Load:
        calls, source = self._calls.values(), invite.source[0]
        return Load(
            calls=len(calls),
            calls_of=self._used(),
            pending_of_source=sum(c.source == source and not c.confirmed for c in calls),
            pending_allowed=self._limits.pending_allowed(source, self._max_calls, now),
            source_admitted=self._limits.admit(source, now),
            max_calls=self._max_calls,
            drain_retry_secs=self._drain_retry_secs,
        )

    def _refused(
        self, refusal: Refuse, why: str, trunk: str, invite: Invite
    ) -> tuple[Refuse, list[Action]]:
        called = invite.called[:64]
        reason = f"{refusal.reason}: {why}"
        told = CallRefused(code=refusal.code, reason=reason, trunk=trunk, called=called)
        return refusal, [Tell(told)]

    # --- outbound ------------------------------------------------------------------------

    def originate(self, asked: Originate, now: float) -> list[Action]:
        """Begin a call; the first action answers the request."""

        def no(code: int, reason: str) -> list[Action]:
            return [Tell(OriginateAnswer(request_id=asked.request_id, code=code, reason=reason))]

        if self._drain_retry_secs is not None:
            return no(503, "the plugin is draining")
        if asked.agent_name not in self._config.agents:
            return no(404, f'there is no agent "{asked.agent_name}"')
        outbound = self._config.dialplan.outbound
        plan = outbound.decide(asked.number, asked.trunk, asked.caller_id)
        if isinstance(plan, NoDial):
            return no(plan.code, plan.why)
        if len(self._calls) >= self._max_calls:
            return no(486, f"{len(self._calls)} calls run, the most there may be")
        if self._pool.is_empty:
            return no(503, "no worker has a free RTP port")
        sid = new_sid()
        way = self._outward.begin(sid, asked.agent_name, plan, self._used(), now)
        if isinstance(way, NoWay):
            return no(way.code, way.why)
        worker, lease = self._taken(sid)
        call = Call(
            sid=sid,
            direction="outbound",
            trunk=way.trunk.name,
            agent=asked.agent_name,
            caller=plan.caller_id or way.trunk.config.sip_username,
            called=plan.number,
            worker=worker,
            state="dialing",
            lease=lease,
            config=self._config,
            trunks_left=way.left,
            caller_id=plan.caller_id,
            max_duration_secs=self._config.dialplan.limits.max_duration_secs,
        )
        self._calls[sid] = call
        self._wait_for_model(call, now)
        return [
            Tell(OriginateAnswer(request_id=asked.request_id, sid=sid)),
            ToWorker(worker, call.opening()),
            Tell(call.told()),
            self._dial(call, way.trunk, now),
        ]

    def _dial(self, call: Call, trunk: Trunk, now: float) -> Dial:
        call.timers["ring"] = now + trunk.config.max_ring_secs
        far = trunk.addresses[0] if trunk.addresses else ""
        local_uri = trunk.uri_of(call.caller_id) if call.caller_id else ""
        local = self._local(call.lease, trunk, far)
        return Dial(call.leg, trunk.name, trunk.uri_of(call.called), local, local_uri)

    def _by_next_trunk(self, call: Call, why: str, now: float) -> list[Action]:
        """Dial by the next trunk that can; nothing when there is none.

        With a name of its own at the stack, where the last attempt may take a while to end.
        """
        way: Way | None = self._outward.next(call, self._used(), now)
        if way is None:
            return []
        gone, call.trunk, call.trunks_left = call.trunk, way.trunk.name, way.left
        call.legs += 1
        call.leg = f"{call.sid}{LEG_MARK}{call.legs}"
        call.caller = call.caller_id or way.trunk.config.sip_username
        call.state, call.media = "dialing", None
        tried = call.event("trunk_failed", trunk=gone, reason=why, next=call.trunk)
        return [Tell(tried), Tell(call.told()), self._dial(call, way.trunk, now)]

    def _local(self, lease: Lease, trunk: Trunk, far: str) -> LocalMedia:
        address = self._config.sip.public_address or lease.address
        if ip_address(address).is_unspecified:
            address = self._route(far)
        return LocalMedia(address, lease.port, tuple(trunk.config.codec_preferences))

    # --- what the SIP side reports -------------------------------------------------------

    def on_event(self, event: events.Event, now: float) -> list[Action]:
        if isinstance(event, events.CallTurnedAway):
            called = event.called[:64]
            told = CallRefused(code=event.code, reason=event.reason, trunk="", called=called)
            return [Tell(told)]
        call = self._of_leg(getattr(event, "sid", ""))
        if call is None:
            return []
        match event:
            case events.Ended():
                return self._ended(call, event, now)
            case events.TransferProgress() if event.final:
                return self._transfer_ended(call, event.code, event.reason, now)
        if call.ending:
            return []
        match event:
            case events.Progress() if event.code >= 180 and call.state == "dialing":
                call.state = "ringing"
                return [Tell(call.told())]
            case events.MediaChanged():
                call.media = event.media
                call.answered = call.answered or call.confirmed
                return [ToWorker(call.worker, call.starting())]
            case events.MediaRefused():
                return self._end(call, "media_refused", event.reason, now)
            case events.Confirmed() if not call.confirmed:
                return self._confirmed(call, now)
            case events.Digit():
                return [Tell(call.event("dtmf_info", digit=event.digit))]
            case events.TransferRefused():
                return [Tell(call.event("transfer_refused", target=event.target))]
        return []

    def _of_leg(self, leg: str) -> Call | None:
        """The call that has this name at the stack now; none for an attempt that was given up."""
        call = self._calls.get(leg.partition(LEG_MARK)[0])
        return call if call is not None and call.leg == leg else None

    def _confirmed(self, call: Call, now: float) -> list[Action]:
        was_answered = call.answered
        call.answered = call.confirmed = True
        call.state = "in_progress"
        call.timers.pop("ring", None)
        call.timers.pop("ack", None)
        if call.media is None:
            return self._end(call, "media_refused", "no audio stream was agreed", now)
        if call.max_duration_secs:
            call.timers["duration"] = now + call.max_duration_secs
        started = [] if was_answered else [ToWorker(call.worker, call.starting())]
        return [*started, Tell(call.told())]

    def _ended(self, call: Call, event: events.Ended, now: float) -> list[Action]:
        if not call.ending:
            if _trunk_is_at_fault(call, event.code):
                why = f"{event.code} {event.reason}"
                if actions := self._by_next_trunk(call, why, now):
                    return actions
            call.ending = self._cause_of(call, event)
            if not (call.confirmed and event.code == 200):
                call.reason = event.reason
        return self._finish(call, event.code, event.reason)

    def _cause_of(self, call: Call, event: events.Ended) -> str:
        if call.confirmed:
            return "caller_hangup" if call.direction == "inbound" else "callee_hangup"
        if call.direction == "outbound":
            rang_out = call.state == "ringing" and event.code in (408, 480)
            return "ring_timeout" if rang_out else "rejected"
        if event.code == 487:
            return "cancelled"
        if event.code == 488:
            return "media_refused"
        return "no_ack" if call.answered else "sip_failed"

    def _transfer_ended(self, call: Call, code: int, reason: str, now: float) -> list[Action]:
        if call.timers.pop("transfer", None) is None:
            return []
        if code // 100 == 2 and not call.ending:
            return self._end(call, "transferred", "transferred", now)
        return [Tell(call.event("transfer_failed", code=code, reason=reason))]

    # --- what the planes ask -------------------------------------------------------------

    def on_message(self, worker: str, message: Message, now: float) -> list[Action]:
        """A worker's message about one of its calls; about another's it is ignored."""
        call = self._calls.get(getattr(message, "sid", ""))
        if call is None or call.worker != worker or call.ending:
            return []
        if getattr(message, "agent_name", "") not in ("", call.agent):
            return []  # of an agent that was given up
        match message:
            case ModelReady():
                return self._model_ready(call, now)
            case ModelFailed():
                return self._model_failed(call, f"{message.code}: {message.reason}", now)
            case EndCall():
                return self._end(call, message.cause, message.reason, now)
            case TransferCall():
                return self._transfer(call, message.target, now)
        return []

    def _model_ready(self, call: Call, now: float) -> list[Action]:
        call.timers.pop("open", None)
        self._gate.reached(call.sid)
        if call.direction == "outbound" or call.answered:
            return []
        if now < call.rings_until:
            call.timers["rung"] = call.rings_until
            return []
        return self._answer(call, now)

    def _answer(self, call: Call, now: float) -> list[Action]:
        call.answered = True
        call.timers["ack"] = now + self._config.sip.answer_timeout_secs
        return [Answer(call.leg, 200)]

    def _model_failed(self, call: Call, reason: str, now: float) -> list[Action]:
        """The next agent of the route takes a call that was not answered; else it ends."""
        if not call.answered:
            gone, agent = call.agent, self._gate.failed(call.sid, now)
            if agent and now < call.give_up_at:
                call.agent = agent
                call.timers.pop("rung", None)
                self._wait_for_model(call, now)
                failed = call.event("agent_failed", agent=gone, reason=reason, next=agent)
                opening = ToWorker(call.worker, call.opening(again=True))
                return [opening, Tell(failed), Tell(call.told())]
        return self._end(call, "model_failed", reason, now)

    def _transfer(self, call: Call, target: str, now: float) -> list[Action]:
        trunk = self._trunks[call.trunk]
        try:
            uri = trunk.uri_of(normalize(target))
        except ValueError as error:
            return [Tell(call.event("transfer_failed", code=0, reason=f"the target is {error}"))]
        # What a model says may be what a caller talked it into: the same rules as for a call out.
        allowed = self._config.dialplan.outbound.decide(target)
        if isinstance(allowed, NoDial):
            reason = f"not allowed: {allowed.why}"
            return [Tell(call.event("transfer_failed", code=allowed.code, reason=reason))]
        if not call.confirmed or "transfer" in call.timers:
            reason = "the call is not answered" if not call.confirmed else "one is under way"
            return [Tell(call.event("transfer_failed", code=0, reason=reason))]
        call.timers["transfer"] = now + TRANSFER_SECS
        return [Refer(call.leg, uri)]

    def hangup(self, asked: Hangup, now: float) -> list[Action]:
        call = self._calls.get(asked.sid)
        if call is None or call.ending:
            return []
        return self._end(call, "plugin_hangup", asked.reason, now)

    def worker_lost(self, worker: str, now: float) -> list[Action]:
        """Its calls have no media any more."""
        sids = self._pool.leave(worker)
        actions: list[Action] = []
        for sid in sids:
            call = self._calls.get(sid)
            if call is None:
                continue
            call.closed = True
            if not call.ending:
                actions += self._end(call, "worker_lost", f"{worker} is gone", now)
        return actions

    def end_all(self, now: float) -> list[Action]:
        """The process ends."""
        running = [call for call in self._calls.values() if not call.ending]
        return [
            action
            for call in running
            for action in self._end(call, "shutdown", "the plugin stops", now)
        ]

    def stack_refused(self, leg: str, reason: str, now: float) -> list[Action]:
        """The SIP stack would not do what an action asked of it."""
        call = self._of_leg(leg)
        if call is None or call.ending:
            return []
        if call.direction == "outbound" and call.state == "dialing":
            if actions := self._by_next_trunk(call, reason, now):
                return actions
            call.ending, call.reason = "sip_failed", reason
            return self._finish(call, 500, reason)
        return self._end(call, "sip_failed", reason, now)

    def transfer_not_sent(self, leg: str, reason: str) -> list[Action]:
        call = self._of_leg(leg)
        if call is None:
            return []
        call.timers.pop("transfer", None)
        return [Tell(call.event("transfer_failed", code=0, reason=reason))]

    def tick(self, now: float) -> list[Action]:
        """Call a few times a second: ends what took too long."""
        actions: list[Action] = []
        for call in list(self._calls.values()):
            for name in [name for name, due in call.timers.items() if due <= now]:
                if call.sid in self._calls and call.timers.pop(name, None) is not None:
                    actions += self._expired(call, name, now)
        return actions

    def _expired(self, call: Call, timer: str, now: float) -> list[Action]:
        match timer:
            case "end":
                return self._finish(call, CAUSES[call.ending].code, call.reason)
            case "transfer":
                reason = f"not confirmed in {TRANSFER_SECS:g} s"
                return [Tell(call.event("transfer_failed", code=408, reason=reason))]
            case "open":
                return self._model_failed(call, "the model did not open in time", now)
            case "rung":
                return self._answer(call, now)
            case "duration":
                reason = f"{call.max_duration_secs:g} s, the most there may be"
                return self._end(call, "max_duration", reason, now)
            case "ack":
                self._limits.strike(call.source, now)
                return self._end(call, "no_ack", "the 200 was not acknowledged", now)
            case _:
                return self._rang_out(call, now)

    def _rang_out(self, call: Call, now: float) -> list[Action]:
        silent = HangUp(call.leg, 487, "Request Terminated")
        if call.state == "dialing" and (actions := self._by_next_trunk(call, "no answer", now)):
            return [silent, *actions]
        return self._end(call, "ring_timeout", "not answered in time", now)

    # --- the end -------------------------------------------------------------------------

    def _end(self, call: Call, name: str, reason: str, now: float) -> list[Action]:
        """End it from our side; the worker is freed at once, whatever the far side does."""
        cause = CAUSES[name]
        call.ending, call.reason = name, reason
        call.timers = {"end": now + END_SECS}
        headers = reason_header(cause, reason)
        hang_up = HangUp(call.leg, cause.code if cause.code >= 300 else 0, cause.phrase, headers)
        return [hang_up, *self._close(call)]

    def _close(self, call: Call) -> list[Action]:
        if call.closed:
            return []
        call.closed = True
        return [ToWorker(call.worker, CloseCall(sid=call.sid, reason=call.ending))]

    def _finish(self, call: Call, code: int, reason: str) -> list[Action]:
        del self._calls[call.sid]
        cause = CAUSES[call.ending]
        call.state = cause.state
        if cause.state == "completed" and not call.answered:
            call.state = "failed"
        actions = self._close(call)
        self._pool.release(call.sid)
        self._gate.end(call.sid)
        if cause.state == "failed" and code == 200:
            code = cause.code  # 200 only says that the far side took our BYE
        return [*actions, Tell(call.told(code, call.reason or reason))]


def _trunk_is_at_fault(call: Call, code: int) -> bool:
    """Another trunk may do better: this one failed (5xx), or said nothing at all (408)."""
    if call.direction != "outbound" or call.confirmed:
        return False
    return code // 100 == 5 or (code == 408 and call.state == "dialing")
