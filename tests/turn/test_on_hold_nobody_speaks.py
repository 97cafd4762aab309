from bridge.turn.detector import TurnDetector
from bridge.turn.events import (
    Backchannel,
    BargeInArmed,
    BargeInRejected,
    Commit,
    NoInput,
    Prime,
    Retract,
    SpeechEnd,
    SpeechFrame,
    SpeechStart,
    TurnEvent,
)
from bridge.turn.options import TurnOptions
from tests.turn.document import rule

rule("On hold nobody speaks, whatever comes from the line.")


class Call:
    def __init__(self, options: TurnOptions | None = None) -> None:
        self.detector = TurnDetector(options or TurnOptions())
        self.seq = 0

    def run(self, ms: int, speaks: bool, agent: bool = False) -> list[TurnEvent]:
        """What is decided while the line sounds like this."""
        events: list[TurnEvent] = []
        for _ in range(ms // 20):
            at_ms = (self.seq + 1) * 20
            frame = SpeechFrame(at_ms, self.seq, float(speaks), -20.0, agent)
            events += self.detector.push(frame)
            self.seq += 1
        return [e for e in events if not isinstance(e, SpeechStart | SpeechEnd)]


def test_a_voice_in_the_music_is_no_turn():
    call = Call()
    call.detector.hold(True)
    assert call.run(5000, speaks=True) == []


def test_a_turn_that_was_open_commits():
    call = Call()
    call.run(1000, speaks=True)
    call.detector.hold(True)
    assert call.run(1000, speaks=True) == [
        Commit(at_ms=1500, turn=1, speech_end_ms=1000, last_seq=74)
    ]


def test_what_is_said_afterwards_goes_on_with_it_if_no_reply_was_heard():
    call = Call(TurnOptions(reply_wait_ms=1000))
    call.run(1000, speaks=True)
    call.detector.hold(True)
    call.run(30_000, speaks=True)
    call.detector.hold(False)
    kinds = [type(event) for event in call.run(1000, speaks=True) + call.run(1000, speaks=False)]
    assert kinds == [Retract, Commit]


def test_a_barge_in_that_is_pending_is_rejected():
    call = Call()
    call.run(1000, speaks=False, agent=True)
    (armed,) = call.run(200, speaks=True, agent=True)
    call.detector.hold(True)  # the bridge pauses the agent
    assert [type(armed), *map(type, call.run(1000, speaks=True))] == [
        *(BargeInArmed, BargeInRejected, Backchannel)
    ]


def test_nobody_is_asked_whether_he_is_there():
    call = Call(TurnOptions(no_input_secs=5))
    call.detector.hold(True)
    assert call.run(60_000, speaks=False) == []
    call.detector.hold(False)
    assert [type(event) for event in call.run(6000, speaks=False)] == [NoInput]


def test_the_call_goes_on_as_ever():
    call = Call()
    call.detector.hold(True)
    call.run(3000, speaks=True)
    call.detector.hold(False)
    decisions = call.run(1000, speaks=True) + call.run(1000, speaks=False)
    assert [type(event) for event in decisions] == [Prime, Commit]
