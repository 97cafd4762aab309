"""Some phones send a key twice: as a telephone event in RTP, and by SIP INFO."""

from sip_plugin.media.dtmf import TwoWays


def test_the_same_key_by_both_ways_is_one_press():
    keys = TwoWays()
    assert keys.by_rtp("5", 1.0)
    assert not keys.by_info("5", 1.1)
    assert keys.by_info("6", 2.0)
    assert not keys.by_rtp("6", 2.05)


def test_a_key_that_is_pressed_twice_counts_twice():
    keys = TwoWays()
    pressed = [keys.by_rtp("5", 1.0), keys.by_info("5", 1.05)]
    pressed += [keys.by_rtp("5", 1.3), keys.by_info("5", 1.35)]
    assert pressed == [True, False, True, False]
    assert [keys.by_rtp("7", 3.0 + n / 10) for n in range(3)] == [True] * 3


def test_a_key_long_after_is_another_press():
    keys = TwoWays()
    assert keys.by_info("1", 1.0)
    assert keys.by_rtp("1", 2.0)
