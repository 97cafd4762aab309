"""Hypothesis drives the jitter buffer: count, order and delay hold whatever the network does."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.phone import call, exact_number, packet, session

PACKETS = 300
CALM = 150
"""Packets at the end, 3 s, on a line that got well."""


troubles = st.tuples(
    st.sampled_from(["stall", "slower", "gone"]), st.integers(1, PACKETS - 1), st.integers(1, 40)
)
"""What happens, from which packet on, for how many. Two of them may overtake 80 packets: fewer
than the 100 from which on old numbers are taken for a new beginning (RFC 3550 appendix A.1)."""


def delays_of(jitter, loss, seed, trouble) -> list[float | None]:
    """Delay of each packet in seconds, None for a lost one."""
    chance = random.Random(seed)
    delays = [None if chance.random() < loss else chance.uniform(0, jitter) for _ in range(PACKETS)]
    for kind, begin, length in trouble:
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


@settings(max_examples=100, deadline=None)
@given(
    jitter=st.sampled_from([0, 0.004, 0.02, 0.05, 0.12]),
    loss=st.sampled_from([0, 0.01, 0.2]),
    seed=st.integers(0, 2**32),
    trouble=st.lists(troubles, max_size=2),
    pull_every=st.sampled_from([0.005, 0.02]),
)
def test_count_order_and_delay(jitter, loss, seed, trouble, pull_every):
    delays = delays_of(jitter, loss, seed, trouble)
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
        n = exact_number(h.frame)
        waited = h.at - (1 + n * 0.02 + delays[n])
        assert n > newest, f"{n} after {newest}"
        assert -1e-6 < waited < 0.36, f"{n} waited for {waited} s"
        newest = n

    # Three seconds after the last trouble nothing waits any more.
    assert newest == len(delays) - 1
    assert heard[-1].at - (1 + newest * 0.02) < pull_every
