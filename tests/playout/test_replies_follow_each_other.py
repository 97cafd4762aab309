import numpy as np

from bridge.playout import Playout
from tests.playout.sound import heard, pull_all, tone


def test_in_the_order_of_their_turns_and_without_a_pause():
    playout = Playout(max_secs=10)
    playout.push(1, tone(40))
    playout.end(1)
    playout.push(2, -tone(40))
    playout.end(2)
    frames = pull_all(playout, 5)
    assert [(f.turn, f.starts, f.starts_reply, f.ends_reply) for f in frames[:4]] == [
        (1, True, True, False),
        (1, False, False, True),
        (2, False, True, False),
        (2, False, False, True),
    ]
    assert frames[4] is None
    assert heard(frames[:4]).tolist() == np.concatenate([tone(40), -tone(40)]).tolist()
    assert (playout.heard_ms(1), playout.heard_ms(2)) == (40, 40)


def test_a_newer_one_ends_the_one_before_whose_end_was_lost():
    playout = Playout(max_secs=10)
    playout.push(1, tone(50))
    playout.push(2, tone(40))
    frames = pull_all(playout, 5)
    assert [frame.turn for frame in frames[:5]] == [1, 1, 1, 2, 2]
    assert frames[2].ends_reply


def test_an_agent_may_go_on_after_the_end_of_its_reply():
    playout = Playout(max_secs=10)
    for _ in range(2):
        playout.push(1, tone(20))
        playout.end(1)
        assert pull_all(playout, 3)[0].starts_reply
    assert playout.heard_ms(1) == 40
