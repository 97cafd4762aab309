"""A re-INVITE changes the codec in the middle of what the agent says: nothing of it is lost."""

import numpy as np
import pytest

from bridge.playout import Playout

AMPLITUDE = 10_000
HZ = 440


def tone(rate_hz: int, ms: int) -> np.ndarray:
    time = np.arange(ms * rate_hz // 1000) / rate_hz
    return (AMPLITUDE * np.sin(2 * np.pi * HZ * time)).astype(np.int16)


def share_of_tone(pcm: np.ndarray, rate_hz: int) -> float:
    wave = np.exp(-2j * np.pi * HZ * np.arange(len(pcm)) / rate_hz)
    energy = float(np.dot(pcm.astype(float), pcm.astype(float)))
    return float(2 * abs(np.dot(pcm.astype(float), wave)) ** 2 / (len(pcm) * energy))


@pytest.mark.parametrize(("before", "after"), [(8000, 16000), (16000, 8000)])
def test_the_rest_is_said_at_the_new_rate(before, after):
    playout = Playout(10, before)
    playout.push(1, tone(before, 400))
    early = [playout.pull() for _ in range(5)]

    playout.change_rate(after)
    playout.push(1, tone(after, 200))
    playout.push(2, tone(after, 100))
    playout.end(2)

    late = []
    while (frame := playout.pull()) is not None:
        late.append(frame)
    assert {len(frame.pcm) for frame in early} == {before // 50}
    assert {len(frame.pcm) for frame in late} == {after // 50}
    assert [frame.turn for frame in late] == [1] * 25 + [2] * 5
    assert (playout.heard_ms(1), playout.heard_ms(2)) == (600, 100)
    said_before = np.concatenate([frame.pcm for frame in late[1:14]])
    assert share_of_tone(said_before, after) > 0.99
    assert not any(frame.starts for frame in late)


def test_positions_and_the_bound_are_times():
    playout = Playout(1.0, 16000)
    assert playout.push(1, np.zeros(16000, np.int16))
    assert not playout.push(1, np.zeros(1, np.int16))

    for _ in range(10):
        playout.pull()
    assert (playout.heard_ms(1), playout.buffered_ms) == (200, 800)
    playout.change_rate(8000)
    assert (playout.heard_ms(1), playout.buffered_ms) == (200, 800)


def test_a_cancelled_reply_still_fades_out():
    playout = Playout(10, 16000)
    playout.push(1, tone(16000, 400))
    playout.pull()
    playout.cancel()

    playout.change_rate(8000)

    frame = playout.pull()
    assert len(frame.pcm) == 160
    assert np.abs(frame.pcm[:40]).max() > AMPLITUDE // 10
    assert np.abs(frame.pcm[60:]).max() <= 1
    assert playout.pull() is None
