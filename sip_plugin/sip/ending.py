"""The end of a call, from either side: our cause, what the far side is told, what is freed."""

from sip_plugin.config.sip_headers import Headers
from sip_plugin.planes.messages import CloseCall
from sip_plugin.sip import events
from sip_plugin.sip.actions import Action, HangUp, Tell, ToWorker
from sip_plugin.sip.call import Call
from sip_plugin.sip.causes import CAUSES, cause_of_refusal, reason_header
from sip_plugin.sip.running import Running

END_SECS = 5.0
"""A far side that does not answer our BYE or CANCEL is not waited for any longer."""


class Ending:
    def __init__(self, running: Running) -> None:
        self._running = running

    def end(
        self,
        call: Call,
        name: str,
        reason: str,
        now: float,
        q850: int = 0,
        headers: Headers = (),
    ) -> list[Action]:
        """End it from our side; the worker is freed at once, whatever the far side does."""
        cause = CAUSES[name]
        call.ending, call.reason = name, reason
        call.timers = {"end": now + END_SECS}
        headers = (*reason_header(cause, reason, q850), *headers)
        code, phrase = cause.code if cause.code >= 300 else 0, cause.phrase
        if call.farewell is not None and call.farewell.refuse is not None and name == "refused":
            (code, phrase), headers = call.farewell.refuse, ()
        hang_up = HangUp(call.leg, code, phrase, headers)
        return [hang_up, *_not_coming(call), *self._close(call)]

    def ended(self, call: Call, event: events.Ended) -> list[Action]:
        """The far side ended it, or confirms that we did."""
        if not call.ending:
            call.ending, call.far_reason = _cause_of(call, event), event.far_reason
            if not (call.confirmed and event.code == 200):
                call.reason = event.reason
        return self.finish(call, event.code, event.reason)

    def finish(self, call: Call, code: int, reason: str) -> list[Action]:
        """Nothing more is heard of it: it is forgotten, and its last state told."""
        del self._running.calls[call.sid]
        cause = CAUSES[call.ending]
        call.state = cause.state
        if cause.state == "completed" and not call.answered:
            call.state = "failed"
        actions = self._close(call)
        self._running.pool.release(call.sid)
        self._running.gate.end(call.sid)
        if cause.state == "failed" and code == 200:
            code = cause.code  # 200 only says that the far side took our BYE
        return [*actions, Tell(call.told(code, call.reason or reason))]

    def not_ended(self, call: Call) -> list[Action]:
        """The far side said nothing to our BYE or CANCEL."""
        return self.finish(call, CAUSES[call.ending].code, call.reason)

    def worker_lost(self, worker: str, now: float) -> list[Action]:
        """Its calls have no media any more."""
        actions: list[Action] = []
        for sid in self._running.pool.leave(worker):
            call = self._running.calls.get(sid)
            if call is None:
                continue
            call.closed = True
            if not call.ending:
                actions += self.end(call, "worker_lost", f"{worker} is gone", now)
        return actions

    def end_all(self, now: float) -> list[Action]:
        """The process ends."""
        running = [call for call in self._running.calls.values() if not call.ending]
        return [
            action
            for call in running
            for action in self.end(call, "shutdown", "the plugin stops", now)
        ]

    def _close(self, call: Call) -> list[Action]:
        if call.closed:
            return []
        call.closed = True
        return [ToWorker(call.worker, CloseCall(sid=call.sid, reason=call.ending))]


def _not_coming(call: Call) -> list[Action]:
    """Who was to take over is not wanted any more."""
    coming, call.coming = call.coming, None
    if coming is None or coming.alone:
        return []
    return [HangUp(coming.leg, 487, "Request Terminated")]


def _cause_of(call: Call, event: events.Ended) -> str:
    if call.confirmed and event.code in (408, 503):
        return "sip_failed"  # the stack gave it up: no answer to a request in the call
    if call.confirmed:
        return "caller_hangup" if call.direction == "inbound" else "callee_hangup"
    if call.direction == "outbound":
        return cause_of_refusal(event.code, event.far_reason, call.state == "ringing")
    if event.code == 487:
        return "cancelled"
    if event.code == 488:
        return "media_refused"
    return "no_ack" if call.answered else "sip_failed"
