from bridge.turn.events import Commit, NoInput, Prime
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule(
    "When nobody has spoken for `no_input_secs`, and no reply is on its way, `NoInput` invites the "
    "model to speak."
)
TEN_SECS = TurnOptions(no_input_secs=10, reply_wait_ms=5000)


def _invitations(call: Timeline) -> list[NoInput]:
    return [event for event in call.run(TEN_SECS) if isinstance(event, NoInput)]


def test_a_caller_who_does_not_answer_the_greeting():
    call = Timeline(agent=[(0, 3000)], ends=15_000)
    assert _invitations(call) == [NoInput(at_ms=13_200, turn=1)]  # the floor's tail


def test_it_is_repeated_when_nothing_comes_of_it():
    call = Timeline(ends=30_000)
    assert _invitations(call) == [NoInput(at_ms=10_000, turn=1), NoInput(at_ms=24_980, turn=2)]


def test_the_caller_answers_it_with_a_turn_of_its_own_even_a_short_one():
    call = Timeline(agent=[(10_200, 12_000)], caller=[(13_000, 13_300)], ends=15_000)
    assert call.decisions(TEN_SECS)[:3] == [
        NoInput(at_ms=10_000, turn=1),
        Prime(at_ms=14_200, turn=2, first_seq=632),
        Commit(at_ms=14_200, turn=2, speech_end_ms=13_300, last_seq=709),
    ]


def test_a_model_that_thinks_is_not_disturbed():
    options = TurnOptions(no_input_secs=3, reply_wait_ms=8000)
    call = Timeline(caller=[(0, 1000)], agent=[(9000, 10_000)], ends=12_000)
    assert not any(isinstance(event, NoInput) for event in call.run(options))


def test_a_model_that_never_replies_is_woken():
    options = TurnOptions(no_input_secs=3, reply_wait_ms=8000)
    decisions = Timeline(caller=[(0, 1000)], ends=14_000).decisions(options)
    assert decisions[1:] == [
        Commit(at_ms=1500, turn=1, speech_end_ms=1000, last_seq=74),
        NoInput(at_ms=12_480, turn=2),
    ]


def test_by_default_nobody_is_disturbed():
    assert Timeline(ends=100_000).run() == []
