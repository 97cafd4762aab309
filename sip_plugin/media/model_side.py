"""A call's way to its model: the leg, the bridge to it, and what the model says besides audio."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bridge.agent import AgentSpec, Tool
from bridge.call import CallBridge
from bridge.leg.absent import AbsentModel
from bridge.leg.interface import (
    DtmfAsked,
    EndpointChanged,
    HangupAsked,
    HoldAsked,
    LegFailed,
    ModelCall,
    ModelEvent,
    Noticed,
    Opened,
    ReplyAudio,
    ReplyEnd,
    ToolCalled,
    Transcript,
    TransferAsked,
    TransferDecided,
    UsageReported,
)
from bridge.profile import LegProfile
from sip_plugin.media.call_telling import CallTelling
from sip_plugin.media.parting import Parting
from sip_plugin.media.readiness import Readiness
from sip_plugin.planes.messages import HoldCall, Message, ModelFailed, OpenCall, TransferDecision

_NO_AGENT = AgentSpec(endpoint="quic://none.invalid:9")
"""Its options are those of a bridge that nobody speaks over."""
_TOOL_OF: dict[type, Tool] = {
    HangupAsked: "hangup",
    TransferAsked: "transfer",
    TransferDecided: "transfer",
    HoldAsked: "hold",
    DtmfAsked: "send_dtmf",
}


class ModelSide:
    """Lives as long as the call, also without a model: before there is one, or for a prompt."""

    def __init__(
        self,
        opened: OpenCall,
        max_playout_secs: float,
        telling: CallTelling,
        readiness: Readiness,
        emit: Callable[[Message], None],
        press: Callable[[str], None],
    ) -> None:
        """`press` sends digits to the phone."""
        self.sid = opened.sid
        self._agent_name = opened.agent_name
        self._agent = opened.agent or _NO_AGENT
        self._max_playout_secs = max_playout_secs
        self._telling = telling
        self._readiness = readiness
        self._emit = emit
        self._press = press
        self.leg: ModelCall = AbsentModel()
        self.present = opened.agent is not None
        if self.present:
            readiness.wait_for("model")
        self.parting = Parting()
        self._lost_counters: dict[str, float] = {}
        """Of a leg that was lost."""
        self._endpoint = ""
        """Where the model is."""
        self._failovers = 0
        self.use(opened.leg)

    def use(self, profile: LegProfile) -> None:
        """The phone's line is of that kind; nothing of the caller was heard yet."""
        agent = self._agent.model_copy(update={"turn": profile.turn(self._agent.turn)})
        self.bridge = CallBridge(agent, self._max_playout_secs, self._telling.turn_event)
        self.bridge.attach(self.leg)

    def attach(self, leg: ModelCall) -> None:
        self.leg = leg
        self.bridge.attach(leg)

    def lose(self) -> None:
        """The phone goes on: what becomes of the call is not decided here."""
        self.leg.close("model_lost")
        self._lost_counters = self.leg.counters()
        self.present = False
        self.attach(AbsentModel())

    def figures(self) -> dict[str, Any]:
        """For the call's report."""
        return {
            "endpoint": self._endpoint,
            "failovers": self._failovers,
            **(self._lost_counters or self.leg.counters()),
        }

    def take(self, event: ModelEvent, now: float) -> bool:
        """An event of the leg. Returns whether the agent's voice may begin or end by it."""
        if not self.present:
            return False
        match event:
            case ReplyAudio() | ReplyEnd() | Transcript():
                self.bridge.on_reply(event, now)
                return True
            case _ if (tool := _TOOL_OF.get(type(event))) and tool not in self._agent.tools:
                self._telling.event("tool_refused", {"tool": tool})
            case EndpointChanged(had_it=had_it):
                if had_it:
                    self.bridge.interrupt()
                self._endpoint = event.next
                self._failovers += 1
                self._telling.event("endpoint_failed", asdict(event))
                return had_it
            case Opened(endpoint=endpoint, sip_headers=headers):
                self._endpoint = endpoint
                self._readiness.came("model", headers)
                self._readiness.tell()
            case LegFailed(code=code, message=message):
                self.lose()
                name = self._agent_name
                self._emit(ModelFailed(sid=self.sid, code=code, reason=message, agent_name=name))
            case HangupAsked() | TransferAsked():
                self.parting.ask(event, now)
            case TransferDecided(complete=complete):
                self._emit(TransferDecision(sid=self.sid, complete=complete))
            case HoldAsked(on=on):
                self._emit(HoldCall(sid=self.sid, on=on))
            case DtmfAsked(digits=digits):
                self._press(digits)
                self._telling.event("dtmf_sent", {"digits": digits})
            case ToolCalled():
                self._telling.event("tool_call", asdict(event))
            case UsageReported():
                self._telling.event("usage", asdict(event))
            case Noticed():
                self._telling.event("model_notice", asdict(event))
        return False
