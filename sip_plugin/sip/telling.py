"""What happens to calls, told to the supervisor and written into the log; a flood by its number."""

import logging
from collections.abc import Callable

from sip_plugin.planes.messages import CallEvent, CallRefused, CallState, Message

REFUSALS_PER_TICK = 20
"""Refused INVITEs that are logged and told one by one."""

log = logging.getLogger(__name__)


class Telling:
    def __init__(self, send: Callable[[Message], None]) -> None:
        """`send`: to the supervisor."""
        self._send = send
        self._refusals = 0
        """Since the last tick."""

    def tick(self, since_secs: float) -> None:
        """Call every `since_secs`."""
        if self._refusals > REFUSALS_PER_TICK:
            untold = self._refusals - REFUSALS_PER_TICK
            log.warning("%d more INVITEs refused in %g s", untold, since_secs)
        self._refusals = 0

    def tell(self, message: Message) -> None:
        if isinstance(message, CallRefused):
            self._refusals += 1
            if self._refusals > REFUSALS_PER_TICK:
                return
        self._send(message)
        match message:
            case CallState():
                _log_state(message)
            case CallRefused():
                log.info(
                    "INVITE for %r refused: %d %s", message.called, message.code, message.reason
                )
            case CallEvent(event="dtmf_info"):
                log.info("call %s: a key by INFO", message.sid)  # which may be one of a PIN
            case CallEvent():
                log.info("call %s: %s %s", message.sid, message.event, message.data)


def _log_state(state: CallState) -> None:
    tail = f", {state.code} {state.reason}" if state.code else ""
    tail += f" ({state.cause}, by {state.ended_by})" if state.cause else ""
    tail += f", far side: {state.far_reason}" if state.far_reason else ""
    if state.announcement_secs:
        tail += f", after {state.announcement_secs:g} s of early media"
    log.info(
        "call %s: %s %s -> %s on trunk %s: %s%s",
        state.sid,
        state.direction,
        state.caller or "anonymous",
        state.called,
        state.trunk,
        state.state,
        tail,
    )
