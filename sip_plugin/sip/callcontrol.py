"""The life of every call: events and messages in, actions out. A core without I/O.

Inbound: INVITE, 180 while the model opens, 200 when it is ready, media, the end. Outbound: the
model opens while the far side rings. Times are seconds of a monotonic clock, given in.
"""

from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address

from bridge.profile import LegProfile
from dialplan import normalize
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
from sip_plugin.sip.admission import BUSY_RETRY_SECS, Admitted, Load, admit, unavailable
from sip_plugin.sip.call import Call
from sip_plugin.sip.causes import CAUSES, reason_header
from sip_plugin.sip.events import Accept, Invite, LocalMedia, Refuse
from sip_plugin.sip.leases import LeasePool
from sip_plugin.sip.limits import SourceLimits
from sip_plugin.sip.sids import new_sid
from sip_plugin.sip.trunks import Trunk, Trunks

OPEN_SLACK_SECS = 1.0
"""The worker gives up on a model by itself, and knows why; we do only if it says nothing."""
END_SECS = 5.0
"""A far side that does not answer our BYE or CANCEL is not waited for any longer."""
TRANSFER_SECS = 30.0


class CallControl:
    def __init__(
        self,
        config: Config,
        trunks: Trunks,
        pool: LeasePool,
        route: Callable[[str], str],
        max_calls: int,
        limits: SourceLimits | None = None,
    ) -> None:
        """`route` tells our address towards an IP address, for sockets bound to all of them."""
        self._config = config
        self._trunks = trunks
        self._pool = pool
        self._route = route
        self._max_calls = max_calls
        self._limits = limits or SourceLimits()
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

    # --- inbound -------------------------------------------------------------------------

    def invite(self, invite: Invite, now: float) -> tuple[Accept | Refuse, list[Action]]:
        """Decide about an INVITE; the actions come after the decision was carried out."""
        outcome = admit(self._config, self._trunks, self._load(invite, now), invite)
        if not isinstance(outcome, Admitted):
            return self._refused(outcome.refusal, outcome.why, outcome.trunk, invite)
        taken = self._pool.take(invite.sid)
        if taken is None:
            refusal, why = unavailable(BUSY_RETRY_SECS), "no worker has a free RTP port"
            return self._refused(refusal, why, outcome.trunk.name, invite)
        worker, lease = taken
        call = Call(
            sid=invite.sid,
            direction="inbound",
            trunk=outcome.trunk.name,
            agent=outcome.agent,
            caller=outcome.caller,
            called=outcome.called,
            worker=worker,
            state="ringing",
            source=invite.source[0],
        )
        self._calls[call.sid] = call
        agent = self._config.agents[call.agent]
        patience = min(
            agent.open_timeout_secs + OPEN_SLACK_SECS, self._config.sip.answer_timeout_secs
        )
        call.timers["open"] = now + patience
        local = self._local(lease, outcome.trunk, invite.source[0])
        return Accept(local), [
            ToWorker(worker, call.opening(lease, agent, invite.headers, self._leg(call))),
            Answer(call.sid, 180),
            Tell(call.told()),
        ]

    def _load(self, invite: Invite, now: float) -> Load:
        calls, source = self._calls.values(), invite.source[0]
        return Load(
            calls=len(calls),
            calls_of=Counter(call.trunk for call in calls),
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
        try:
            called = normalize(asked.number)
            caller = normalize(asked.caller_id) if asked.caller_id else ""
        except ValueError as error:
            return no(484, f"the number is {error}")
        trunk = self._trunks.to_call_out(asked.trunk)
        if trunk is None or not trunk.is_ready:
            return no(503, f'trunk "{asked.trunk}" is not ready' if asked.trunk else "no trunk is")
        limit = trunk.config.channel_limit
        used = sum(call.trunk == trunk.name for call in self._calls.values())
        if len(self._calls) >= self._max_calls or (limit and used >= limit):
            return no(486, "as many calls run as there may be")
        sid = new_sid()
        taken = self._pool.take(sid)
        if taken is None:
            return no(503, "no worker has a free RTP port")
        worker, lease = taken
        call = Call(
            sid=sid,
            direction="outbound",
            trunk=trunk.name,
            agent=asked.agent_name,
            caller=caller or trunk.config.sip_username,
            called=called,
            worker=worker,
            state="dialing",
        )
        self._calls[sid] = call
        call.timers["ring"] = now + trunk.config.max_ring_secs
        agent = self._config.agents[call.agent]
        call.timers["open"] = now + agent.open_timeout_secs + OPEN_SLACK_SECS
        far = trunk.addresses[0] if trunk.addresses else ""
        return [
            Tell(OriginateAnswer(request_id=asked.request_id, sid=sid)),
            ToWorker(worker, call.opening(lease, agent, {}, self._leg(call))),
            Tell(call.told()),
            Dial(
                sid,
                trunk.name,
                trunk.uri_of(called),
                self._local(lease, trunk, far),
                trunk.uri_of(caller) if caller else "",
            ),
        ]

    def _leg(self, call: Call) -> LegProfile:
        return self._config.leg_of(call.trunk, call.agent)

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
        call = self._calls.get(getattr(event, "sid", ""))
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

    def _confirmed(self, call: Call, now: float) -> list[Action]:
        was_answered = call.answered
        call.answered = call.confirmed = True
        call.state = "in_progress"
        call.timers.pop("ring", None)
        call.timers.pop("ack", None)
        if call.media is None:
            return self._end(call, "media_refused", "no audio stream was agreed", now)
        started = [] if was_answered else [ToWorker(call.worker, call.starting())]
        return [*started, Tell(call.told())]

    def _ended(self, call: Call, event: events.Ended, now: float) -> list[Action]:
        if not call.ending:
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
        match message:
            case ModelReady():
                return self._model_ready(call, now)
            case ModelFailed():
                reason = f"{message.code}: {message.reason}"
                return self._end(call, "model_failed", reason, now)
            case EndCall():
                return self._end(call, message.cause, message.reason, now)
            case TransferCall():
                return self._transfer(call, message.target, now)
        return []

    def _model_ready(self, call: Call, now: float) -> list[Action]:
        call.timers.pop("open", None)
        if call.direction == "outbound" or call.answered:
            return []
        call.answered = True
        call.timers["ack"] = now + self._config.sip.answer_timeout_secs
        return [Answer(call.sid, 200)]

    def _transfer(self, call: Call, target: str, now: float) -> list[Action]:
        trunk = self._trunks[call.trunk]
        try:
            uri = trunk.uri_of(normalize(target))
        except ValueError as error:
            return [Tell(call.event("transfer_failed", code=0, reason=f"the target is {error}"))]
        if not call.confirmed or "transfer" in call.timers:
            reason = "the call is not answered" if not call.confirmed else "one is under way"
            return [Tell(call.event("transfer_failed", code=0, reason=reason))]
        call.timers["transfer"] = now + TRANSFER_SECS
        return [Refer(call.sid, uri)]

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

    def stack_refused(self, sid: str, reason: str, now: float) -> list[Action]:
        """The SIP stack would not do what an action asked of it."""
        call = self._calls.get(sid)
        if call is None or call.ending:
            return []
        if call.direction == "outbound" and call.state == "dialing":
            call.ending, call.reason = "sip_failed", reason
            return self._finish(call, 500, reason)
        return self._end(call, "sip_failed", reason, now)

    def transfer_not_sent(self, sid: str, reason: str) -> list[Action]:
        call = self._calls.get(sid)
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
                return self._end(call, "model_failed", "the model did not open in time", now)
            case "ack":
                self._limits.strike(call.source, now)
                return self._end(call, "no_ack", "the 200 was not acknowledged", now)
            case _:
                return self._end(call, "ring_timeout", "not answered in time", now)

    # --- the end -------------------------------------------------------------------------

    def _end(self, call: Call, name: str, reason: str, now: float) -> list[Action]:
        """End it from our side; the worker is freed at once, whatever the far side does."""
        cause = CAUSES[name]
        call.ending, call.reason = name, reason
        call.timers = {"end": now + END_SECS}
        headers = reason_header(cause, reason)
        hang_up = HangUp(call.sid, cause.code if cause.code >= 300 else 0, cause.phrase, headers)
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
        if cause.state == "failed" and code == 200:
            code = cause.code  # 200 only says that the far side took our BYE
        return [*actions, Tell(call.told(code, call.reason or reason))]
