"""A call of the plugin's side on a made-up clock, without a network."""

from bridge.agent import AgentSpec
from bridge.leg.call import LegCall
from bridge.leg.interface import CallFacts, ModelEvent
from bridge.wire import control, messages
from bridge.wire.audio import DownlinkFrame

FACTS = CallFacts(sid="call-1", direction="inbound", caller="1001", called="2000")
AGENT = AgentSpec(endpoint="quic://127.0.0.1:4433")


class Leg:
    """Feeds a `LegCall` what a gateway would send, and keeps the events."""

    def __init__(
        self, opened: bool = True, facts: CallFacts = FACTS, relayed: bool = False
    ) -> None:
        self.now = 0.0
        self.core = LegCall(facts, AGENT, self.now, relayed=relayed)
        self.events: list[ModelEvent] = []
        if opened:
            self.gateway_says(messages.Opened())
            self.events.clear()

    def gateway_says(self, *said: messages.Message) -> None:
        for message in said:
            self.events += self.core.receive_message(control.encode(message), self.now)

    def audio(self, turn: int, seq: int) -> None:
        frame = DownlinkFrame(turn, seq, seq * 480, bytes([turn, seq % 256]))
        self.events += self.core.receive_audio(frame, self.now)

    def wait(self, secs: float) -> None:
        """Let time pass, with every timer that is due on the way."""
        until = self.now + secs
        while (at := self.core.deadline) is not None and at <= until:
            self.now = at
            self.events += self.core.expire(at)
        self.now = until

    def said(self) -> list[messages.FromPlugin]:
        """Messages for the gateway since the last time."""
        bodies, _ = self.core.take_messages()
        return [control.decode_from_plugin(body) for body in bodies]
