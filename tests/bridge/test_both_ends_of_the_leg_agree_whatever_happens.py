"""The bridge on the plugin's end of the wire, against the gateway's: no rule is ever broken."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.agent import AgentSpec
from bridge.call import CallBridge
from bridge.gateway.events import Committed, Ended, NoInput
from bridge.gateway.session import Session
from bridge.leg.call import LegCall
from bridge.leg.interface import LegFailed, Opened
from bridge.turn.events import TurnEvent
from bridge.turn.options import TurnOptions
from tests.bridge.story import SILENCE, SPEECH
from tests.leg.calls import FACTS

TURNS = [
    TurnOptions(no_input_secs=0.5, reply_wait_ms=500, max_turn_ms=5000),
    TurnOptions(preset="phone", barge_hold="pause", commit_min_interval_ms=0),
    TurnOptions(continuation=False, barge_confirm_ms=0, barge_hold="duck", no_input_secs=1),
]


class Line:
    def __init__(self, turn: TurnOptions) -> None:
        agent = AgentSpec(endpoint="quic://127.0.0.1:4433", output_rate_hz=8000, turn=turn)
        self.now = 0.0
        self.leg = LegCall(FACTS, agent, self.now)
        self.session = Session(self.now)
        self.events: list[TurnEvent] = []
        self.bridge = CallBridge(agent, 10.0, self.events.append)
        self.bridge.attach(self.leg)  # type: ignore[arg-type]
        self.turn = 0
        """What the agent was asked to reply to last."""
        self.carry()
        self.session.accept(self.now)
        self.leg.answered()
        self.carry()

    def frame(self, speaks: bool) -> None:
        self.bridge.speak(self.now)
        pcm, probability, level = (SPEECH, 0.95, -15.0) if speaks else (SILENCE, 0.02, -90.0)
        self.bridge.hear(pcm, probability, level, self.now)
        self.carry()
        self.now += 0.020

    def reply(self, frames: int, ends: bool, turn: int) -> None:
        self.session.speak(turn, SPEECH.tobytes() * frames)
        if ends:
            self.session.end_reply(turn)
        self.carry()

    def carry(self) -> None:
        """Take everything that waits to the other end."""
        told = []
        for body in self.leg.take_messages()[0]:
            told += self.session.receive_message(body, self.now)
        for frame in self.leg.take_audio():
            told += self.session.receive_audio(frame, self.now)
        for event in told + self.session.expire(self.now):
            assert not isinstance(event, Ended), event
            if isinstance(event, Committed | NoInput):
                self.turn = event.turn
        while (leaving := self.session.next_frame(self.now)) is not None:
            self._hand_on(self.leg.receive_audio(leaving.frame, self.now))
        for body in self.session.take_messages()[0]:
            self._hand_on(self.leg.receive_message(body, self.now))
        self._hand_on(self.leg.expire(self.now))

    def _hand_on(self, events: list) -> None:
        for event in events:
            assert not isinstance(event, LegFailed), event
            if not isinstance(event, Opened):
                self.bridge.on_reply(event, self.now)


CALLER = st.tuples(st.just("caller"), st.booleans(), st.integers(1, 60))
REPLY = st.tuples(st.just("reply"), st.booleans(), st.integers(1, 100))
STALE = st.tuples(st.just("stale"), st.booleans(), st.integers(0, 4))
HOLD = st.tuples(st.just("hold"), st.booleans(), st.just(0))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(TURNS), st.lists(CALLER | CALLER | REPLY | STALE | HOLD, max_size=25))
def test_nothing_is_refused_and_the_next_turn_is_answered(turn, steps):
    line = Line(turn)
    for kind, flag, n in steps:
        match kind:
            case "caller":
                for _ in range(n):
                    line.frame(flag)
            case "reply":
                line.reply(n, flag, line.turn)
            case "stale":
                line.reply(5, flag, n)
            case "hold":
                line.bridge.hold(flag)
    line.bridge.hold(False)
    line.session.end_reply(line.turn)
    for _ in range(600):  # the agent comes to its end, and so does every wait
        line.frame(False)
    before = line.turn
    for n in range(120):
        line.frame(n < 50)
    assert line.turn > before
    line.reply(10, True, line.turn)
    said = [line.bridge.playout.heard_ms(line.turn)]
    for _ in range(15):
        line.frame(False)
    said.append(line.bridge.playout.heard_ms(line.turn))
    assert said == [0, 200]
