"""A call's dialect and a strict server on a made-up clock, without a network."""

from collections import deque
from typing import Any

from bridge.backends import openai
from bridge.backends.interface import ReplyDone, Said, Speech
from bridge.backends.openai import OpenAiOptions
from bridge.gateway.agent import CallInfo
from tests.backends.model_server import Answer, ModelServer


def info(**changes: Any) -> CallInfo:
    facts = {
        "sid": "call-1",
        "direction": "inbound",
        "caller": "1001",
        "codec": "pcm16",
        "called": "2000",
        "headers": {},
        "input_rate_hz": 16000,
        "output_rate_hz": 24000,
        "greeting": "",
        "greets_first": False,
    }
    return CallInfo(**(facts | changes))


class Desk:
    def __init__(self, *answers: Answer, call: CallInfo | None = None, **options: Any) -> None:
        self.now = 0.0
        self.core = openai.dialect(OpenAiOptions(**options), call or info())
        self.events: list = []
        self._inbox: deque[dict] = deque()
        self._delivering = False
        self.connect(*answers)

    def connect(self, *answers: Answer) -> None:
        """A new connection to a new server."""
        self.server = ModelServer(*answers)
        self.took(self.core.connected(self.now))
        self.deliver(self.server.greet())

    def deliver(self, messages: list[dict]) -> None:
        """In the order in which the server said it."""
        self._inbox += messages
        while self._inbox and not self._delivering:
            self._delivering = True
            events = self.core.receive(self._inbox.popleft(), self.now)
            self._delivering = False
            self.took(events)

    def took(self, events: list | None) -> None:
        self.events += events or []
        said = [a for message in self.core.take() for a in self.server.receive(message)]
        self.deliver(said)

    def speak(self, ms: int, byte: int = 1) -> None:
        """The caller, in frames of 20 ms."""
        size = self.core.capabilities.input.bytes_per_ms * 20
        for _ in range(ms // 20):
            self.core.hear(bytes([byte]) * size)
        self.took(None)

    def prime(self, turn: int) -> None:
        self.took(self.core.prime(turn, self.now))

    def commit(self, turn: int) -> None:
        self.took(self.core.commit(turn, self.now))

    def cancel(self, turn: int, heard_ms: int) -> None:
        self.took(self.core.cancel(turn, heard_ms, self.now))

    def wait(self, secs: float) -> None:
        until = self.now + secs
        while (at := self.core.deadline) is not None and at <= until:
            self.now = at
            self.took(self.core.expire(at))
        self.now = until

    def heard(self, turn: int) -> bytes:
        return b"".join(e.data for e in self.events if isinstance(e, Speech) and e.turn == turn)

    def done(self) -> list[int]:
        return [e.turn for e in self.events if isinstance(e, ReplyDone)]

    def said(self) -> list[tuple[str, str, int]]:
        return [(e.role, e.text, e.turn) for e in self.events if isinstance(e, Said)]


def ms(count: int, byte: int = 7) -> bytes:
    """So many milliseconds of PCM16 at 24 kHz."""
    return bytes([byte, 0]) * 24 * count


__all__ = ["Answer", "Desk", "info", "ms"]
