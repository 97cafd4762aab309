"""Another far side takes the place of a call's own: the agent, its session and its media stay.

The far side sends the agent on by REFER (RFC 3515): we call the target, and when it answers the
agent speaks with it. Or the trunk puts another call in the place of one, by an INVITE with Replaces
(RFC 3891). Until then the call has two legs at the SIP stack, of which the agent hears one.
"""

from dialplan import NoDial
from dialplan.entry import number_of_uri
from dialplan.pattern import PatternList
from sip_plugin.media.description import Direction
from sip_plugin.planes.messages import CallRefused
from sip_plugin.sip import events, sdp
from sip_plugin.sip.actions import Action, Answer, Dial, HangUp, Notify, Tell, ToWorker
from sip_plugin.sip.admission import BUSY_RETRY_SECS, unavailable
from sip_plugin.sip.call import Call, Coming
from sip_plugin.sip.ending import Ending
from sip_plugin.sip.events import Accept, Invite, Referred, Refuse
from sip_plugin.sip.identity import identity
from sip_plugin.sip.limits import SourceLimits
from sip_plugin.sip.running import LEG_MARK, Running

DECLINE = 603
PENDING = 491
TIMER = "takeover"


class _No(Exception):
    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Takeovers:
    def __init__(self, running: Running, ending: Ending, limits: SourceLimits) -> None:
        self._running = running
        self._ending = ending
        self._limits = limits

    # --- REFER ---------------------------------------------------------------------------

    def referred(self, asked: Referred, now: float) -> tuple[int, list[Action]]:
        """The far side wants the agent to speak with someone else: the code of the answer, and
        what follows it."""
        call = self._running.of_leg(asked.sid)
        if call is None or call.ending:
            return 481, []
        try:
            uri, plan = self._allowed(call, asked)
        except _No as no:
            refused = call.event("transfer_refused", target=asked.shown, reason=str(no))
            return no.code, [Tell(refused)]
        trunk = self._running.trunks[call.trunk]
        who = identity(trunk, plan.caller_id)
        carried = (("Referred-By", asked.referred_by), ("Replaces", asked.to.replaces))
        headers = (*who.headers, *((n, text) for n, text in carried if text), *plan.headers.items())
        far = trunk.addresses[0] if trunk.addresses else ""
        local = self._running.local_media(call.lease, trunk, far)
        coming = self._begin(call, plan.number)
        coming.event = asked.event
        call.timers[TIMER] = now + trunk.config.max_ring_secs
        return 202, [
            Tell(call.event("referred", target=asked.shown)),
            *self._notify(call, 100, "Trying", final=False),
            Dial(coming.leg, call.trunk, uri, local, who.local_uri, headers),
        ]

    def _allowed(self, call: Call, asked: Referred):
        """Where to call, and how. Raises _No."""
        if not call.accept_refer:
            raise _No(DECLINE, f"the {_decider(call)} has no accept_refer")
        self._check_free(call)
        trunk = self._running.trunks[call.trunk]
        uri, user = "", asked.to.user
        if asked.to.address in call.accept_refer:
            uri, user = asked.to.address, number_of_uri(asked.to.address)
        try:
            number = trunk.config.numbers.called(user)
        except ValueError as error:
            raise _No(DECLINE, f"the target is {error}") from None
        if not uri and not PatternList.of(call.accept_refer).find(number):
            raise _No(DECLINE, f"{number} is not among accept_refer")
        plan = call.config.dialplan.outbound.decide(number, call.trunk)
        if isinstance(plan, NoDial):
            raise _No(DECLINE, f"not allowed: {plan.why}")
        return uri or trunk.target_of(plan.number), plan

    # --- Replaces ------------------------------------------------------------------------

    def replaced(self, invite: Invite, now: float) -> tuple[Accept | Refuse, list[Action]]:
        """Another call of the trunk wants the place of one of ours."""
        assert invite.replaces is not None
        source = invite.source[0]
        trunk = self._running.trunks.by_source(source, invite.account, invite.called)
        call = self._running.of_leg(invite.replaces.leg)
        admitted = self._limits.admit(source, now)
        try:
            if trunk is None:
                raise _No(403, f"{source} is no trunk's and in no allow_from")
            if not admitted:
                raise _No(503, f"too many INVITEs from {source}")
            if invite.replaces.code:
                raise _No(invite.replaces.code, invite.replaces.why)
            if call is None or call.ending or call.trunk != trunk.name:
                raise _No(481, "Replaces names no call of this trunk")
            if not call.accept_replaces:
                raise _No(486, f"the {_decider(call)} has no accept_replaces")
            self._check_free(call, 486)
            # It takes no port and no call's place, so calls that ring do not stand in its way.
            most = self._limits.pending_allowed(source, self._running.max_calls, now)
            if (pending := self._running.replacing_of(source)) >= most:
                raise _No(503, f"{pending} calls of {source} with Replaces are not acknowledged")
            offer = invite.offer and invite.offer.with_srtp(trunk.config.srtp)
            if offer is not None and not sdp.choose(offer, trunk.config.codec_preferences):
                raise _No(488, offer.problem or "no common codec")
        except _No as no:
            name = trunk.name if trunk is not None else ""
            phrase = _PHRASES[no.code]
            told = CallRefused(
                code=no.code, reason=f"{phrase}: {no}", trunk=name, called=invite.called[:64]
            )
            refused = unavailable(BUSY_RETRY_SECS) if no.code == 503 else Refuse(no.code, phrase)
            return refused, [Tell(told)]
        assert call is not None and trunk is not None
        local = self._running.local_media(call.lease, trunk, source)
        coming = self._begin(call, invite.caller[:64])
        coming.source = source
        call.timers[TIMER] = now + self._running.config.sip.answer_timeout_secs
        return Accept(local, coming.leg), [Answer(coming.leg, 200)]

    # --- both ----------------------------------------------------------------------------

    def _check_free(self, call: Call, code: int = PENDING) -> None:
        """Raises _No unless the call is its agent's, and nothing else happens to it."""
        if not call.confirmed or call.farewell is not None or not call.agent:
            raise _No(DECLINE if code == PENDING else 481, "the call is not answered by an agent")
        if call.coming or call.consultation or call.consults_for or "transfer" in call.timers:
            raise _No(code, "another transfer is under way")

    def _begin(self, call: Call, who: str) -> Coming:
        call.legs += 1
        call.coming = Coming(f"{call.sid}{LEG_MARK}{call.legs}", who)
        return call.coming

    def on_event(self, call: Call, event: events.Event, now: float) -> list[Action]:
        """Of the leg that is to take over."""
        coming = call.coming
        assert coming is not None
        match event:
            case events.Progress() if event.code > coming.told:
                coming.told = event.code
                return self._notify(call, event.code, event.reason, final=False)
            case events.MediaChanged():
                coming.media = event.media
            case events.MediaRefused():
                return self.give_up(call, 488, event.reason, now)
            case events.Confirmed():
                if coming.media is None:
                    return self.give_up(call, 488, "no audio stream was agreed", now)
                return self._swap(call, coming)
            case events.Ended():
                return self._failed(call, event.code, event.reason)
        return []

    def _swap(self, call: Call, coming: Coming) -> list[Action]:
        assert coming.media is not None
        done = self._notify(call, 200, "OK", final=True)
        if not coming.alone:
            done.append(HangUp(call.leg, 0, "OK"))
        call.leg, call.media, call.coming = coming.leg, coming.media, None
        call.holds = False
        for timer in (TIMER, "offer", "keys"):
            call.timers.pop(timer, None)
        name = "replaced" if coming.source else "moved"
        return [
            ToWorker(call.worker, call.starting()),
            *done,
            Tell(call.event(name, by=coming.who)),
        ]

    def unheard(self, call: Call) -> list[Action]:
        """The far side has refused to be told how it goes."""
        if call.coming is not None:
            call.coming.event = ""
        return []

    def left(self, call: Call) -> list[Action]:
        """The far side went before who follows it has answered (RFC 5589 allows it): the agent
        waits, as on hold."""
        coming = call.coming
        assert coming is not None and call.media is not None
        call.leg, coming.alone = coming.leg, True
        call.media = call.media.model_copy(update={"direction": Direction.INACTIVE})
        return [ToWorker(call.worker, call.starting())]

    def _failed(self, call: Call, code: int, reason: str) -> list[Action]:
        """The leg that was to take over is gone."""
        coming = call.coming
        assert coming is not None
        told = [*self._notify(call, code, reason, final=True), _told_failed(call, code, reason)]
        call.coming = None
        call.timers.pop(TIMER, None)
        if not coming.alone:
            return told
        call.ending, call.reason = "transfer_failed", reason
        return [*told, *self._ending.finish(call, code, reason)]

    def expired(self, call: Call, now: float) -> list[Action]:
        """Nobody has answered, or our 200 was not acknowledged."""
        if call.coming is not None and call.coming.source:
            self._limits.strike(call.coming.source, now)
        return self.give_up(call, 408, "no answer in time", now)

    def give_up(self, call: Call, code: int, reason: str, now: float) -> list[Action]:
        """It is not waited for any longer."""
        coming = call.coming
        assert coming is not None
        told = [*self._notify(call, code, reason, final=True), _told_failed(call, code, reason)]
        call.coming = None
        call.timers.pop(TIMER, None)
        if coming.alone:
            return [*told, *self._ending.end(call, "transfer_failed", reason, now)]
        return [HangUp(coming.leg, 487, "Request Terminated"), *told]

    def _notify(self, call: Call, code: int, reason: str, *, final: bool) -> list[Action]:
        coming = call.coming
        if coming is None or not coming.event or coming.alone:
            return []
        return [Notify(call.leg, coming.event, code, reason, final)]


def _decider(call: Call) -> str:
    return "route" if call.direction == "inbound" else "outbound rule"


def _told_failed(call: Call, code: int, reason: str) -> Tell:
    return Tell(call.event("takeover_failed", code=code, reason=reason))


_PHRASES = {
    400: "Bad Request",
    403: "Forbidden",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
}
