import pytest

from bridge.turn.events import Backchannel, Commit, Prime, Retract
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule(
    "In an open floor an utterance shorter than `response_min_speech_ms` is a short answer: after "
    "`short_answer_silence_ms` it opens a turn and commits it, `Prime` and `Commit`."
)
rule("Bursts shorter than `short_answer_min_speech_ms` answer nothing.")
rule("While a reply is on its way there is nothing to answer:")
QUESTION = [(0, 3000)]


@pytest.mark.parametrize("length", [100, 240, 580])
def test_yes_to_the_agents_question_gets_a_reply(length):
    end = 3500 + length
    assert Timeline(caller=[(3500, end)], agent=QUESTION).decisions() == [
        Prime(at_ms=end + 900, turn=1, first_seq=157),
        Commit(at_ms=end + 900, turn=1, speech_end_ms=end, last_seq=end // 20 + 44),
    ]


def test_so_does_hello_before_anybody_has_spoken():
    kinds = [type(event) for event in Timeline(caller=[(1000, 1400)]).decisions()]
    assert kinds == [Prime, Commit]


def test_the_wait_is_the_option():
    options = TurnOptions(short_answer_silence_ms=1500)
    assert Timeline(caller=[(1000, 1400)]).decisions(options)[-1].at_ms == 2900


def test_what_follows_within_the_wait_belongs_to_it():
    call = Timeline(caller=[(1000, 1300), (2100, 2300)])
    assert call.decisions()[-1] == Commit(at_ms=3200, turn=1, speech_end_ms=2300, last_seq=159)


def test_what_makes_it_a_sentence_ends_like_one():
    call = Timeline(caller=[(1000, 1300), (2100, 2500)])
    assert [event.at_ms for event in call.decisions()] == [2400, 3000]


def test_a_click_answers_nothing():
    assert Timeline(caller=[(1000, 1080)]).decisions() == [Backchannel(at_ms=1580, speech_ms=80)]


def test_while_a_reply_is_on_its_way_it_replaces_nothing():
    options = TurnOptions(continuation=False)
    call = Timeline(caller=[(1000, 2000), (3500, 3800)])
    assert [type(event) for event in call.decisions(options)] == [Prime, Commit, Backchannel]


def test_a_short_answer_too_is_taken_back_when_the_caller_goes_on():
    call = Timeline(caller=[(1000, 1300), (2300, 3000)], reply_ms=300)
    assert [type(event) for event in call.decisions()] == [Prime, Commit, Retract, Commit]
