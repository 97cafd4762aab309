"""The life of every call: events and messages in, actions out. A core without I/O.

Inbound: INVITE, 180 while the model opens, 200 when it is ready, media, the end. Outbound: the
model opens while the far side rings. Times are seconds of a monotonic clock, given in. What
happens in each part of a life is in the modules that this one hands to.
"""

import datetime as dt
from collections.abc import Callable

from sip_plugin.config import Config
from sip_plugin.planes.messages import (
    CallState,
    DigitPressed,
    EndCall,
    Hangup,
    HoldCall,
    Message,
    ModelFailed,
    ModelReady,
    Originate,
    PressDigits,
    PromptEnded,
    TransferCall,
    TransferDecision,
)
from sip_plugin.sip import events
from sip_plugin.sip.actions import Action, Tell, ToWorker
from sip_plugin.sip.admission import BUSY_RETRY_SECS
from sip_plugin.sip.call import Call
from sip_plugin.sip.consultations import Consultations
from sip_plugin.sip.ending import Ending
from sip_plugin.sip.events import Accept, Invite, Referred, Refuse
from sip_plugin.sip.farewells import Farewells
from sip_plugin.sip.holds import Holds
from sip_plugin.sip.inbound import Inbound, turned_away
from sip_plugin.sip.keys import Keys
from sip_plugin.sip.leases import LeasePool
from sip_plugin.sip.limits import SourceLimits
from sip_plugin.sip.opening import Opening
from sip_plugin.sip.outbound import Outbound
from sip_plugin.sip.running import Running
from sip_plugin.sip.takeovers import Takeovers
from sip_plugin.sip.transfers import Transfers
from sip_plugin.sip.trunks import Trunks


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
        self._running = Running(config, trunks, pool, route, max_calls)
        self._ending = Ending(self._running)
        self._holds, self._keys = Holds(), Keys()
        self._transfers = Transfers(self._running, self._ending)
        self._farewells = Farewells(self._transfers, self._ending)
        self._opening = Opening(self._running, self._ending, self._farewells)
        self._limits = limits or SourceLimits()
        self._takeovers = Takeovers(self._running, self._ending, self._limits)
        self._inbound = Inbound(self._running, self._opening, self._limits, wall_clock)
        self._outbound = Outbound(self._running, self._opening, self._ending)
        self._consultations = Consultations(
            self._running, self._outbound, self._holds, self._ending
        )

    @property
    def sids(self) -> list[str]:
        return list(self._running.calls)

    def states(self) -> list[CallState]:
        """Every running call, for a supervisor that has just connected."""
        return [call.told() for call in self._running.calls.values()]

    def drain(self, retry_after_secs: int) -> None:
        """From now on new calls are refused."""
        self._running.drain_retry_secs = retry_after_secs

    @property
    def retry_after_secs(self) -> int:
        """For how long no call should be sent here: draining, no worker, no model. 0: welcome."""
        if self._running.drain_retry_secs is not None:
            return max(1, self._running.drain_retry_secs)
        return 0 if self._running.pool.can_serve else BUSY_RETRY_SECS

    def reconfigure(self, config: Config) -> None:
        """From now on calls begin with this; running ones go on with what they began with."""
        self._running.replace(config)

    def invite(self, invite: Invite, now: float) -> tuple[Accept | Refuse, list[Action]]:
        """Decide about an INVITE; the actions come after the decision was carried out."""
        if invite.replaces is not None:
            return self._takeovers.replaced(invite, now)
        return self._inbound.invite(invite, now)

    def originate(self, asked: Originate, now: float) -> list[Action]:
        """Begin a call; the first action answers the request."""
        return self._outbound.originate(asked, now)

    def referred(self, asked: Referred, now: float) -> tuple[int, list[Action]]:
        """Decide about a REFER within a call; the actions come after its answer."""
        return self._takeovers.referred(asked, now)

    # --- what the SIP side reports -------------------------------------------------------

    def on_event(self, event: events.Event, now: float) -> list[Action]:
        if isinstance(event, events.CallTurnedAway):
            return turned_away(event)
        call = self._running.of_leg(getattr(event, "sid", ""))
        if call is None:
            return []
        if call.coming is not None and not call.ending:
            if event.sid == call.coming.leg:
                return self._takeovers.on_event(call, event, now)
            if isinstance(event, events.Ended):
                return self._takeovers.left(call)
        match event:
            case events.Ended():
                call.end_early_media(now)
                by_another = self._outbound.ended(call, event, now)
                return by_another or self._over(call, self._ending.ended(call, event), now)
            case events.TransferProgress() if event.final:
                actions = self._transfers.ended(call, event.code, event.reason, now)
                return self._not_transferred(call, actions, now)
            case events.TransferProgress():
                return self._transfers.progressed(call, event.code, now)
        if call.ending:
            return []
        match event:
            case events.Progress() if event.code >= 180 and call.state == "dialing":
                call.state = "ringing"
                return [Tell(call.told()), *self._consultations.rings(call)]
            case events.MediaChanged():
                call.media = event.media
                if call.direction == "outbound" and not call.answered and not call.early_since:
                    call.early_since = now
                call.answered = call.answered or call.confirmed
                return [ToWorker(call.worker, call.starting())]
            case events.MediaRefused():
                return self._ending.end(call, "media_refused", event.reason, now)
            case events.Confirmed() if not call.confirmed:
                return self._confirmed(call, now)
            case events.Digit():
                digit = DigitPressed(sid=call.sid, digit=event.digit, duration_ms=event.duration_ms)
                return [
                    ToWorker(call.worker, digit),
                    Tell(call.event("dtmf_info", digit=event.digit)),
                ]
            case events.NotifyRefused():
                return self._takeovers.unheard(call)
            case events.OfferRefused():
                return self._holds.refused(call, event.code, now)
        return []

    def _confirmed(self, call: Call, now: float) -> list[Action]:
        was_answered = call.answered
        call.answered = call.confirmed = True
        call.state = "in_progress"
        call.timers.pop("ring", None)
        call.timers.pop("ack", None)
        if call.media is None:
            return self._ending.end(call, "media_refused", "no audio stream was agreed", now)
        if call.max_duration_secs:
            call.timers["duration"] = now + call.max_duration_secs
        started = [] if was_answered else [ToWorker(call.worker, call.starting())]
        return [
            *started,
            Tell(call.told()),
            *self._farewells.confirmed(call, now),
            *self._consultations.answered(call, now),
            *self._holds.confirmed(call),
        ]

    def _over(self, call: Call, actions: list[Action], now: float) -> list[Action]:
        """`actions` of a call that has ended, and of the one that it was bound to."""
        if call.sid in self._running.calls or not (call.consultation or call.consults_for):
            return actions
        last = next((a.message for a in reversed(actions) if isinstance(a, Tell)), None)
        code = last.code if isinstance(last, CallState) else 0
        return [*actions, *self._consultations.ended(call, code, call.reason, now)]

    def _not_transferred(self, call: Call, actions: list[Action], now: float) -> list[Action]:
        """`actions` of a transfer that may have failed."""
        actions = self._farewells.check(call, actions, now)
        return [*actions, *self._consultations.not_transferred(call, now)] if actions else []

    def stack_refused(self, leg: str, reason: str, now: float) -> list[Action]:
        """The SIP stack would not do what an action asked of it."""
        call = self._running.of_leg(leg)
        if call is None or call.ending:
            return []
        if call.coming is not None and leg == call.coming.leg:
            return self._takeovers.give_up(call, 503, reason, now)
        if call.direction == "outbound" and call.state == "dialing":
            return self._over(call, self._outbound.not_dialled(call, reason, now), now)
        return self._ending.end(call, "sip_failed", reason, now)

    def offer_not_sent(self, leg: str, now: float) -> list[Action]:
        """The stack would not send a re-INVITE now: another one is under way."""
        call = self._running.of_leg(leg)
        return [] if call is None or call.ending else self._holds.refused(call, 491, now)

    def transfer_not_sent(self, leg: str, reason: str, now: float) -> list[Action]:
        call = self._running.of_leg(leg)
        if call is None:
            return []
        return self._not_transferred(call, self._transfers.not_sent(call, reason), now)

    # --- what the planes ask -------------------------------------------------------------

    def on_message(self, worker: str, message: Message, now: float) -> list[Action]:
        """A worker's message about one of its calls; about another's it is ignored."""
        call = self._running.calls.get(getattr(message, "sid", ""))
        if call is None or call.worker != worker or call.ending:
            return []
        agent = getattr(message, "agent_name", "")
        if agent and (agent != call.agent or call.farewell is not None):
            return []  # of an agent that was given up
        match message:
            case ModelReady():
                return self._opening.ready(call, message.sip_headers, now)
            case ModelFailed():
                return self._opening.failed(call, f"{message.code}: {message.reason}", now)
            case EndCall():
                headers, refused = call.permitted(message.sip_headers)
                ended = self._ending.end(call, message.cause, message.reason, now, headers=headers)
                return [*map(Tell, refused), *ended]
            case PromptEnded():
                return self._farewells.prompt_ended(call, now)
            case HoldCall():
                return self._holds.want(call, message.on, now)
            case PressDigits():
                return self._keys.want(call, message.digits, now)
            case TransferCall() if message.attended or not call.consultation:
                headers, refused = call.permitted(message.sip_headers)
                part = self._consultations if message.attended else self._transfers
                begun = part.begin(call, message.target, now, headers)
                return [*map(Tell, refused), *begun]
            case TransferDecision():
                return self._consultations.decided(call, message.complete, now)
        return []

    def hangup(self, asked: Hangup, now: float) -> list[Action]:
        call = self._running.calls.get(asked.sid)
        if call is None or call.ending:
            return []
        return self._ending.end(call, asked.cause, asked.reason, now)

    def hold(self, asked: HoldCall, now: float) -> list[Action]:
        """The control API wants it."""
        call = self._running.calls.get(asked.sid)
        return [] if call is None or call.ending else self._holds.want(call, asked.on, now)

    def worker_lost(self, worker: str, now: float) -> list[Action]:
        """Its calls have no media any more."""
        return self._ending.worker_lost(worker, now)

    def end_all(self, now: float) -> list[Action]:
        """The process ends."""
        return self._ending.end_all(now)

    # --- time ----------------------------------------------------------------------------

    def tick(self, now: float) -> list[Action]:
        """Call a few times a second: ends what took too long."""
        actions: list[Action] = []
        for call in list(self._running.calls.values()):
            for name in [name for name, due in call.timers.items() if due <= now]:
                if call.sid in self._running.calls and call.timers.pop(name, None) is not None:
                    actions += self._expired(call, name, now)
        return actions

    def _expired(self, call: Call, timer: str, now: float) -> list[Action]:
        match timer:
            case "end":
                return self._over(call, self._ending.not_ended(call), now)
            case "transfer":
                return self._not_transferred(call, self._transfers.expired(call), now)
            case "takeover":
                return self._takeovers.expired(call, now)
            case "open":
                return self._opening.expired(call, now)
            case "offer":
                return self._holds.again(call)
            case "keys":
                return self._keys.next(call, now)
            case "early":
                return self._farewells.prompt_ended(call, now)
            case "rung":
                return self._opening.answer(call, now)
            case "duration":
                reason = f"{call.max_duration_secs:g} s, the most there may be"
                return self._ending.end(call, "max_duration", reason, now)
            case "ack":
                self._limits.strike(call.source, now)  # it wasted a port: fewer of them for a while
                return self._ending.end(call, "no_ack", "the 200 was not acknowledged", now)
            case _:
                return self._outbound.rang_out(call, now)
