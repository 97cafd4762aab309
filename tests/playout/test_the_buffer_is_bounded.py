import numpy as np

from bridge.playout import MAX_REPLIES, Playout
from tests.playout.sound import pull_all, tone


def test_a_model_that_floods_has_its_newest_audio_refused():
    playout = Playout(max_secs=1)
    accepted = [playout.push(1, tone(100)) for _ in range(30)]
    assert accepted == [True] * 10 + [False] * 20
    assert playout.buffered_ms == 1000
    assert playout.stats.refused_overflow == 20 * 800
    frames = [frame for frame in pull_all(playout, 60) if frame is not None]
    assert playout.heard_ms(1) == 1000
    assert len(frames) == 51  # and the fade, since its end is not known


def test_there_is_room_again_when_audio_has_left():
    playout = Playout(max_secs=1)
    playout.push(1, tone(1000))
    assert not playout.push(1, tone(20))
    playout.pull()
    assert playout.push(1, tone(20))


def test_replies_that_wait_are_bounded_too():
    playout = Playout(max_secs=10)
    accepted = [playout.push(turn, np.ones(1, np.int16)) for turn in range(1000)]
    assert accepted.count(True) == MAX_REPLIES
    assert len(pull_all(playout, 100)) == 100


def test_the_memory_of_what_was_heard_is_bounded():
    playout = Playout(max_secs=10)
    for turn in range(1000):
        playout.push(turn, tone(20))
        playout.end(turn)
        playout.pull()
    assert playout.heard_ms(999) == 20
    assert playout.heard_ms(0) == 0
