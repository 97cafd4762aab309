from bridge.playout import Playout
from tests.playout.sound import pull_all, tone


def _ends(frames):
    return [frame.turn for frame in frames if frame is not None and frame.ends_reply]


def test_with_its_last_frame():
    playout = Playout(max_secs=10)
    playout.push(1, tone(50))
    playout.end(1)
    frames = pull_all(playout, 10)
    assert frames[2].ends_reply and frames[2].audible
    assert _ends(frames) == [1]


def test_or_with_a_silent_one_when_the_model_tells_it_later():
    playout = Playout(max_secs=10)
    playout.push(1, tone(40))
    pull_all(playout, 5)
    playout.end(1)
    playout.end(1)
    frames = pull_all(playout, 5)
    assert frames[0].ends_reply and not frames[0].audible and not frames[0].pcm.any()
    assert _ends(frames) == [1]
    assert playout.heard_ms(1) == 40


def test_audio_that_its_end_has_overtaken_is_still_said():
    playout = Playout(max_secs=10)
    playout.push(1, tone(60)[:160])
    playout.end(1)
    playout.push(1, tone(60)[160:])
    frames = pull_all(playout, 6)
    assert _ends(frames) == [1]
    assert playout.heard_ms(1) == 60


def test_an_end_of_an_unknown_turn_is_nothing():
    playout = Playout(max_secs=10)
    playout.end(7)
    assert playout.pull() is None
