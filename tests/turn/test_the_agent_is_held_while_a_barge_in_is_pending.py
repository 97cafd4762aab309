import pytest

from bridge.turn.events import Backchannel, BargeInArmed, BargeInRejected, Cancel, Commit, Prime
from bridge.turn.options import TurnOptions
from tests.turn.document import rule
from tests.turn.timeline import Timeline

rule("While it is paused for a barge-in (`barge_hold`) it keeps the floor.")
rule("So does broken speech that has not confirmed it 2 s after the confirm window.")

PAUSE = TurnOptions(barge_confirm_ms=500, barge_hold="pause")


def test_a_pause_is_not_taken_for_the_end_of_its_reply():
    # Silent from the frame after the onset on, as a paused agent is.
    call = Timeline(caller=[(2000, 3000)], agent=[(0, 2020)])
    assert call.decisions(PAUSE) == [
        BargeInArmed(at_ms=2020),
        Cancel(at_ms=2500, turn=1),
        Prime(at_ms=2600, turn=1, first_seq=82),
        Commit(at_ms=3500, turn=1, speech_end_ms=3000, last_seq=174),
    ]


def test_after_a_mhm_it_still_has_it():
    call = Timeline(caller=[(2000, 2300), (2560, 2800)], agent=[(0, 2020), (2520, 5000)])
    assert call.decisions(PAUSE) == [
        BargeInArmed(at_ms=2020),
        BargeInRejected(at_ms=2500, speech_ms=300),
        Backchannel(at_ms=2500, speech_ms=300),
        BargeInArmed(at_ms=2580),
        BargeInRejected(at_ms=3000, speech_ms=240),
        Backchannel(at_ms=3000, speech_ms=240),
    ]


@pytest.mark.parametrize("hold", ["talk", "duck", "pause"])
def test_it_is_not_held_for_long_by_broken_speech(hold):
    crackle = [(start, start + 20) for start in range(2000, 12_000, 200)]
    options = TurnOptions(barge_confirm_ms=500, barge_hold=hold)
    decisions = Timeline(caller=crackle, agent=[(0, 15_000)]).decisions(options)
    armed = [e.at_ms for e in decisions if isinstance(e, BargeInArmed)]
    settled = [e.at_ms for e in decisions if isinstance(e, BargeInRejected)]
    assert max(end - start for start, end in zip(armed, settled, strict=True)) <= 2500
    assert not any(isinstance(event, Cancel | Commit) for event in decisions)
