from bridge.playout import Playout
from tests.playout.sound import pull_all, tone


def test_what_was_on_its_way_when_the_agent_was_cut_is_never_heard():
    playout = Playout(max_secs=10)
    playout.push(3, tone(100))
    pull_all(playout, 2)
    playout.cancel()
    assert not playout.push(3, tone(20))
    assert not playout.push(2, tone(20))
    pull_all(playout, 1)  # the fade
    assert pull_all(playout, 3) == [None] * 3
    assert playout.stats.refused_stale == 320


def test_the_reply_to_the_next_turn_is_heard():
    playout = Playout(max_secs=10)
    playout.push(3, tone(100))
    pull_all(playout, 2)
    playout.cancel()
    assert playout.push(4, tone(20))
    fade, frame = pull_all(playout, 2)
    assert (fade.turn, frame.turn, frame.starts, frame.starts_reply) == (3, 4, True, True)
    assert frame.pcm.tolist() == tone(20).tolist()


def test_a_turn_can_be_fenced_before_its_reply_comes():
    playout = Playout(max_secs=10)
    playout.fence(5)
    assert not playout.push(5, tone(20))
    assert playout.push(6, tone(20))


def test_an_older_turn_does_not_come_back_behind_a_newer_one():
    playout = Playout(max_secs=10)
    playout.push(2, tone(20))
    assert not playout.push(1, tone(20))
    assert [frame.turn for frame in pull_all(playout, 2) if frame is not None] == [2, 2]


def test_a_cancel_does_not_lower_the_fence():
    playout = Playout(max_secs=10)
    playout.push(1, tone(20))
    playout.fence(5)
    playout.cancel()
    assert not playout.push(5, tone(20))
