"""A call on the bridge as literal timelines: who speaks when, and what reached the leg."""

import numpy as np

from bridge.agent import AgentSpec
from bridge.call import CallBridge
from bridge.leg.interface import ReplyAudio, ReplyEnd
from bridge.playout import PlayoutFrame
from bridge.turn.events import TurnEvent

AGENT = AgentSpec(endpoint="quic://127.0.0.1:4433")
SPEECH = (8000 * np.sin(2 * np.pi * 440 * np.arange(160) / 8000)).astype(np.int16)
SILENCE = np.zeros(160, np.int16)


class LegLog:
    """The far end of a model leg: writes down what the bridge asks of it."""

    def __init__(self) -> None:
        self.appended: list[tuple[int, int, int]] = []
        """(seq, timestamp, bytes) of each frame."""
        self.asked: list[tuple] = []
        self.played: list[tuple[int, int]] = []

    def append(self, seq: int, timestamp: int, payload: bytes) -> None:
        self.appended.append((seq, timestamp, len(payload)))

    def prime(self, turn: int) -> None:
        self.asked.append(("prime", turn))

    def commit(self, turn: int, last_seq: int) -> None:
        self.asked.append(("commit", turn, last_seq))

    def no_input(self, turn: int) -> None:
        self.asked.append(("no_input", turn))

    def cancel(self, turn: int, heard_ms: int) -> None:
        self.asked.append(("cancel", turn, heard_ms))

    def answered(self) -> None:
        self.asked.append(("answered",))

    def dtmf(self, digit: str, duration_ms: int) -> None:
        self.asked.append(("dtmf", digit))

    def hold(self, on: bool) -> None:
        self.asked.append(("hold", on))

    def playout(self, turn: int, played_ms: int) -> None:
        self.played.append((turn, played_ms))

    def close(self, reason: str) -> None:
        self.asked.append(("close", reason))


class Story:
    """Runs the bridge frame by frame; a second of call takes no second."""

    def __init__(self, agent: AgentSpec = AGENT, max_playout_secs: float = 60.0) -> None:
        self.agent = agent
        self.leg = LegLog()
        self.events: list[TurnEvent] = []
        self.sent: list[PlayoutFrame | None] = []
        """What left for the phone, a slot each."""
        self.bridge = CallBridge(agent, max_playout_secs, self.events.append)
        self.bridge.attach(self.leg)
        self.now = 100.0

    def caller(self, ms: int, speaks: bool) -> None:
        """Let the caller speak or be silent for so long, while the agent's frames leave."""
        for _ in range(ms // 20):
            pcm, probability, level = (SPEECH, 0.95, -15.0) if speaks else (SILENCE, 0.02, -90.0)
            self.sent.append(self.bridge.speak(self.now))
            self.bridge.hear(pcm, probability, level, self.now)
            self.now += 0.020

    def reply(self, turn: int, ms: int, *, first: int = 0, ends: bool = True) -> None:
        """Let the model send `ms` of its reply in one burst."""
        rate = self.agent.output_rate_hz
        samples = rate * 20 // 1000
        frame = (8000 * np.sin(2 * np.pi * 300 * np.arange(samples) / rate)).astype("<i2")
        frames = range(first // 20, (first + ms) // 20)
        for seq in frames:
            audio = ReplyAudio(turn, seq, seq * samples, frame.tobytes())
            self.bridge.on_reply(audio, self.now)
        if ends:
            self.bridge.on_reply(ReplyEnd(turn, len(frames)), self.now)

    def of(self, kind: type[TurnEvent]) -> list[TurnEvent]:
        return [event for event in self.events if type(event) is kind]

    def audible(self, since: int = 0) -> int:
        """Milliseconds of the agent's voice that left since slot number `since`."""
        return 20 * sum(1 for frame in self.sent[since:] if frame is not None and frame.audible)
