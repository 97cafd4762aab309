from bridge.turn.events import Backchannel, BargeInArmed, Cancel, Commit, Prime
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule(
    "It is confirmed, with `Cancel`, when the speech over the agent has gone on for "
    "`barge_confirm_ms`,"
)
rule("A confirmed barge-in belongs to the caller's turn from its onset.")
rule("One that stays shorter than `response_min_speech_ms` commits as a short answer does.")


def test_a_sentence_over_the_agent_stops_it_and_is_a_turn_from_its_onset():
    assert Timeline(caller=[(2000, 3000)], agent=[(0, 5000)]).decisions() == [
        BargeInArmed(at_ms=2020),
        Cancel(at_ms=2300, turn=1),
        Prime(at_ms=2600, turn=1, first_seq=82),
        Commit(at_ms=3500, turn=1, speech_end_ms=3000, last_seq=174),
    ]


def test_a_longer_confirm_window_stops_the_agent_later():
    call = Timeline(caller=[(2000, 3000)], agent=[(0, 5000)])
    assert Cancel(at_ms=2600, turn=1) in call.run(TurnOptions(barge_confirm_ms=600))


def test_without_a_confirm_window_the_first_frame_stops_the_agent():
    call = Timeline(caller=[(2000, 3000)], agent=[(0, 5000)])
    decisions = call.decisions(TurnOptions(barge_confirm_ms=0))
    assert decisions[:2] == [BargeInArmed(at_ms=2020), Cancel(at_ms=2020, turn=1)]


def test_an_interruption_too_short_for_a_turn_is_answered_like_a_short_answer():
    assert Timeline(caller=[(2000, 2400)], agent=[(0, 5000)]).decisions() == [
        BargeInArmed(at_ms=2020),
        Cancel(at_ms=2300, turn=1),
        Prime(at_ms=3300, turn=1, first_seq=82),
        Commit(at_ms=3300, turn=1, speech_end_ms=2400, last_seq=164),
    ]


def test_even_the_shortest_one_that_stopped_the_agent_is_answered():
    call = Timeline(caller=[(2000, 2020)], agent=[(0, 5000)])
    kinds = [type(event) for event in call.decisions(TurnOptions(barge_confirm_ms=0))]
    assert kinds == [BargeInArmed, Cancel, Prime, Commit]


def test_by_the_strict_rule_it_asks_nothing():
    call = Timeline(caller=[(2000, 2400)], agent=[(0, 5000)])
    assert call.decisions(TurnOptions(short_answer_silence_ms=0)) == [
        BargeInArmed(at_ms=2020),
        Cancel(at_ms=2300, turn=1),
        Backchannel(at_ms=2900, speech_ms=400),
    ]


def test_the_next_turn_takes_the_number_that_the_cancel_named():
    options = TurnOptions(short_answer_silence_ms=0)
    call = Timeline(caller=[(2000, 2400), (4000, 5000)], agent=[(0, 3000)])
    decisions = call.decisions(options)
    assert [e.turn for e in decisions if isinstance(e, Cancel | Prime | Commit)] == [1, 1, 1]
