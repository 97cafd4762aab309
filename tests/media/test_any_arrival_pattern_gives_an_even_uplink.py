"""Hypothesis drives the jitter buffer: count, order and delay hold whatever the network does."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.phone import call, number, packet, session

PACKETS = 300
CALM = 150
"""Packets at the end, 3 s, on a line that got well."""


@st.composite
def networks(draw):
    """Delay of each packet in seconds, None for a lost one: steps, stalls, bursts, jitter, loss."""
    jitter = draw(st.sampled_from([0, 0.004, 0.02, 0.05, 0.12]))
    spread = random.Random(draw(st.integers(0, 2**32)))
    loss = draw(st.sampled_from([0, 0.01, 0.2]))
    delays = [None if spread.random() < loss else spread.uniform(0, jitter) for _ in range(PACKETS)]
    for _ in range(draw(st.integers(0, 3))):
        begin, length = draw(st.integers(1, PACKETS - 1)), draw(st.integers(1, 80))
        kind = draw(st.sampled_from(["stall", "slower", "gone"]))
        for n in range(begin, min(begin + length, PACKETS)):
            if delays[n] is None:
                continue
            if kind == "stall":
                delays[n] += (begin + length - n) * 0.02
            elif kind == "slower":
                delays[n] += 0.07
            else:
                delays[n] = None
    delays[0] = 0.0
    return delays + [0.0] * CALM


@settings(max_examples=150, deadline=None)
@given(networks(), st.sampled_from([0.005, 0.02]))
def test_count_order_and_delay(delays, pull_every):
    arrivals = [(1 + n * 0.02 + d, packet(n)) for n, d in enumerate(delays) if d is not None]
    rtp_session = session()
    end = 1 + len(delays) * 0.02
    heard, _ = call(rtp_session, arrivals, until=end, pull_every=pull_every)

    # Real time at every moment: at most four slots late, one packet and a half ahead.
    begin = heard[0].at
    for i, h in enumerate(heard):
        slots = (h.at - begin) / 0.02
        assert slots - 4 - pull_every / 0.02 - 0.01 <= i <= slots + 2.01
    assert len(heard) >= (end - begin) / 0.02 - 6

    # In order, none twice, none before it was there, none later than the buffer may keep it.
    newest = -1
    for h in heard:
        if h.frame.kind != "audio":
            continue
        step = (number(h.frame) - newest) % 62
        candidates = range(newest + step, len(delays), 62)
        arrived = [
            n
            for n in candidates
            if n > newest and delays[n] is not None and 1 + n * 0.02 + delays[n] <= h.at + 1e-6
        ]
        assert arrived, f"frame {number(h.frame)} at {h.at} is out of order or was never there"
        # Of the packets that look alike, the newest that had arrived by then.
        newest = arrived[-1]
        assert h.at - (1 + newest * 0.02 + delays[newest]) < 0.36

    # Three seconds after the last trouble nothing waits any more.
    assert newest == len(delays) - 1
    assert heard[-1].at - (1 + newest * 0.02) < pull_every
