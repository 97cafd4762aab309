import pytest

from bridge.playout import Playout
from tests.playout.sound import FADE_STEP, STEEPEST, heard, largest_step, pull_all, tone


@pytest.mark.parametrize("first_samples", [480, 500, 560, 620, 639])
def test_the_reply_fades_out_and_goes_on_where_it_stopped(first_samples):
    reply = tone(200)
    playout = Playout(max_secs=10)
    playout.push(1, reply[:first_samples])
    before = pull_all(playout, 6)
    playout.push(1, reply[first_samples:])
    playout.end(1)
    after = pull_all(playout, 12)
    line = heard([*before, *after])
    assert largest_step(line[: line.nonzero()[0][-1]]) <= STEEPEST + FADE_STEP
    assert playout.heard_ms(1) == 200
    assert playout.stats.underruns == 1
    # Nothing is lost: what follows the fade-in is the reply, to its end.
    tail = reply[-700:].tolist()
    said = heard(after)
    end = said.nonzero()[0][-1] + 1
    assert said[end - 700 : end].tolist() == tail
    frames = [frame for frame in (*before, *after) if frame is not None]
    assert [frame.starts for frame in frames].count(True) == 2
    assert [frame.starts_reply for frame in frames].count(True) == 1
    assert [frame.ends_reply for frame in frames].count(True) == 1


def test_a_gap_is_silence_not_the_end():
    playout = Playout(max_secs=10)
    playout.push(1, tone(40))
    frames = pull_all(playout, 10)
    assert [frame is None for frame in frames] == [False] * 3 + [True] * 7
    assert not any(frame.ends_reply for frame in frames[:3])


def test_a_model_in_step_with_the_phone_never_underruns():
    playout = Playout(max_secs=10)
    reply = tone(1000)
    frames = []
    for start in range(0, len(reply), 160):
        playout.push(1, reply[start : start + 160])
        frames.append(playout.pull())
    assert heard(frames).tolist() == reply.tolist()
    assert playout.stats.underruns == 0


def test_a_late_word_that_the_reply_is_over_is_not_an_underrun():
    playout = Playout(max_secs=10)
    playout.push(1, tone(40))
    pull_all(playout, 5)
    playout.end(1)
    assert playout.stats.underruns == 0
