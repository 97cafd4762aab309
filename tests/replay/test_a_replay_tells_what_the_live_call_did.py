"""A call as a worker runs it, and then its recording through the replay."""

import numpy as np

from bridge.agent import AgentSpec
from bridge.audio.level import dbfs
from bridge.audio.vad import BatchVad
from bridge.call import CallBridge
from bridge.events import name_of
from bridge.leg.interface import ReplyAudio, ReplyEnd
from bridge.profile import PROFILES
from bridge.replay import Recording, analyse, detect
from bridge.turn.options import TurnOptions
from bridge.uplink import Uplink
from sip_plugin.replay.facts import TOLD, happenings
from tests.bridge.story import LegLog
from tests.replay.calls import speech, track

PROFILE = PROFILES["raw"]
TURN = TurnOptions(silence_threshold_ms=400)
SILENCE = np.zeros(160, np.int16)
MODEL_FRAMES = 10
"""The model's first audio comes 200 ms after the commit."""
ECHO_DELAY, ECHO_GAIN = 960, 0.25


class Live:
    """The worker's order of things: a slot is sent, then the caller's frame is heard."""

    def __init__(self, said: np.ndarray) -> None:
        self.said = said
        self.leg = LegLog()
        self.events: list = []
        agent = AgentSpec(endpoint="quic://127.0.0.1:4433", output_rate_hz=8000, turn=TURN)
        self.bridge = CallBridge(agent, 60.0, self.events.append)
        self.bridge.attach(self.leg)
        self.uplink = Uplink(PROFILE)
        self.vad = BatchVad()
        self.slot = self.vad.open()
        self.sent: list[np.ndarray] = []
        self.came: list[np.ndarray] = []

    def run(self) -> Recording:
        replies: dict[int, int] = {}
        for n in range(len(self.said) // 160):
            now = n * 0.02
            for asked in self.leg.asked:
                if asked[0] == "commit":
                    replies.setdefault(asked[1], n + MODEL_FRAMES)
            for turn, due in replies.items():
                if due == n:
                    self.reply(turn, now)
            frame = self.bridge.speak(now)
            self.sent.append(SILENCE if frame is None else frame.pcm)
            self.uplink.sent(None if frame is None else frame.pcm)
            self.came.append(self.from_line(n))
            pcm = self.uplink.clean(self.came[-1])
            probability = self.vad.push([self.slot], pcm[None])[0]
            level = self.uplink.gate_level(float(dbfs(pcm)))
            self.bridge.hear(pcm, float(probability), level, now)
        return Recording(np.concatenate(self.came), np.concatenate(self.sent))

    def reply(self, turn: int, now: float) -> None:
        pcm = np.concatenate([speech("turn_4"), speech("turn_5")])
        frames = pcm[: len(pcm) // 160 * 160].reshape(-1, 160)
        for seq, frame in enumerate(frames):
            self.bridge.on_reply(ReplyAudio(turn, seq, seq * 160, frame.tobytes()), now)
        self.bridge.on_reply(ReplyEnd(turn, len(frames)), now)

    def from_line(self, n: int) -> np.ndarray:
        """The caller, a little noise, and the agent's echo."""
        noise = np.random.default_rng(n).normal(0, 12, 160)
        sent = np.concatenate([np.zeros(ECHO_DELAY), *self.sent[-(ECHO_DELAY // 160 + 2) :]])
        echo = ECHO_GAIN * sent[-ECHO_DELAY - 160 : -ECHO_DELAY]
        mixed = self.said[n * 160 : (n + 1) * 160] + noise + echo
        return np.clip(mixed, -32768, 32767).astype(np.int16)


def test_the_same_events_at_the_same_positions():
    # A turn; a word into its reply; an interruption, which is a turn; one with a pause in which
    # it is committed and taken back; and one more.
    said = track(
        32,
        (1.0, "turn_1"),
        (5.5, "backchannel"),
        (7.5, "barge_in"),
        (13.0, "turn_3"),
        (21.0, "turn_2"),
        (24.5, "turn_1"),
    )
    live = Live(said)
    recording = live.run()
    (heard,) = analyse([recording], PROFILE)
    replayed = list(happenings(detect(heard, TURN, MODEL_FRAMES * 20), heard))
    names = {happening.event for happening in replayed}
    assert {"commit", "retract", "backchannel", "barge_in_rejected", "cancel"} <= names
    told = [
        (float(event.at_ms), name_of(event))
        for event in live.events
        if isinstance(event, TOLD) or name_of(event) == "cancel"
    ]
    assert [(happening.at_ms, happening.event) for happening in replayed] == told
    cancelled = [event for event in live.events if name_of(event) == "cancel"]
    heard_ms = [h.data["heard_ms"] for h in replayed if h.event == "cancel"]
    assert heard_ms == [event.heard_ms for event in cancelled]
