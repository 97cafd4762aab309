"""A call of the gateway's side on a made-up clock, without a network."""

from bridge.gateway.session import Asked, Session
from bridge.wire import control, messages
from bridge.wire.audio import DownlinkFrame, UplinkFrame

OPEN = messages.Open(sid="call-1", agent="parrot", direction="inbound")


class Desk:
    """Feeds a `Session` what a plugin would send, and keeps the events."""

    def __init__(self, accepted: bool = True) -> None:
        self.now = 0.0
        self.session = Session(self.now)
        self.events: list = []
        if accepted:
            self.plugin_says(OPEN)
            self.session.accept(self.now)
            self.said()
            self.events.clear()

    def plugin_says(self, *said: messages.Message) -> None:
        for message in said:
            self.events += self.session.receive_message(control.encode(message), self.now)

    def audio(self, *seqs: int) -> None:
        for seq in seqs:
            frame = UplinkFrame(seq, seq * 320, seq.to_bytes(2, "little"))
            self.events += self.session.receive_audio(frame, self.now)

    def wait(self, secs: float) -> None:
        """Let time pass, with every timer that is due on the way."""
        until = self.now + secs
        while (at := self.session.deadline) is not None and at <= until:
            self.now = at
            self.events += self.session.expire(at)
        self.now = until

    def said(self) -> list[messages.FromGateway]:
        """Messages for the plugin since the last time."""
        bodies, _ = self.session.take_messages()
        return [control.decode_from_gateway(body) for body in bodies]

    def spoken(self) -> list[DownlinkFrame]:
        """All audio that is ready to leave."""
        out = []
        while (leaving := self.session.next_frame(self.now)) is not None:
            out.append(leaving.frame)
        return out


__all__ = ["OPEN", "Asked", "Desk"]
