"""What is told of one call: its events by the caller's sample clock, and at the end its report."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bridge.audio.frames import FRAME_MS
from bridge.call import CallBridge
from bridge.events import TurnEvent, data_of, name_of
from bridge.uplink import Uplink
from sip_plugin.media.secured_ports import SecuredPorts
from sip_plugin.media.stats import RtpStats
from sip_plugin.planes.messages import CallEvent, CallReport, Message


class CallTelling:
    def __init__(
        self, sid: str, emit: Callable[[Message], None], bridge_ms: Callable[[], int]
    ) -> None:
        """`bridge_ms`: how much of the caller the bridge has heard."""
        self._sid = sid
        self._emit = emit
        self._bridge_ms = bridge_ms
        self._unheard_ms = 0

    def unheard(self) -> None:
        """A frame of the caller was not for the bridge: a prompt was played."""
        self._unheard_ms += FRAME_MS

    @property
    def at_ms(self) -> int:
        """The caller's sample clock."""
        return self._bridge_ms() + self._unheard_ms

    def event(self, name: str, data: dict[str, Any]) -> None:
        at_ms = float(self.at_ms)
        self._emit(CallEvent(sid=self._sid, event=name, at_ms=at_ms, data=data))

    def turn_event(self, event: TurnEvent) -> None:
        at_ms = event.at_ms + self._unheard_ms
        told = CallEvent(sid=self._sid, event=name_of(event), at_ms=at_ms, data=data_of(event))
        self._emit(told)

    def report(
        self,
        rtp: RtpStats | None,
        ports: SecuredPorts,
        uplink: Uplink,
        bridge: CallBridge,
        model: dict[str, Any],
    ) -> None:
        """The last message of the call. `model`: where its model was, and what the leg counted."""
        report = {
            "rtp": ({} if rtp is None else asdict(rtp)) | {"send_errors": ports.send_errors},
            "srtp": asdict(ports.srtp_stats),
            "uplink": asdict(uplink.stats),
            "bridge": asdict(bridge.stats),
            "playout": asdict(bridge.playout.stats),
            "model": model,
            "duration_ms": self.at_ms,
        }
        self._emit(CallReport(sid=self._sid, report=report))
