from bridge.quic.mtu import BLACK_HOLE_LOSSES, LADDER, MAX_PROBES, PROBE_WAIT, PathMtu


def search(path_carries: int, most: int = LADDER[-1]) -> tuple[PathMtu, int]:
    """Probe until there is nothing to probe; returns how many probes it took."""
    mtu, now, probes = PathMtu(1200, most), 0.0, 0
    for _ in range(100):
        size = mtu.next_probe(now)
        if size is not None:
            probes += 1
            mtu.on_probe(size, size <= path_carries)
        now += PROBE_WAIT
    return mtu, probes


def test_ethernet_takes_one_probe():
    mtu, probes = search(1472)
    assert (mtu.size, probes) == (1472, 1)


def test_a_tunnel_is_found_below_and_a_loss_is_not_believed_at_once():
    mtu, probes = search(1400)
    assert (mtu.size, probes) == (1392, 2 * MAX_PROBES + 1)


def test_a_path_that_carries_no_more_than_it_must_stays_at_the_base_and_is_let_alone():
    mtu, probes = search(1200)
    assert (mtu.size, probes) == (1200, MAX_PROBES * len(LADDER))


def test_a_size_that_was_set_is_not_probed():
    assert PathMtu(8192, 8192).next_probe(0.0) is None


def test_a_black_hole_is_left_and_the_search_begins_anew_later():
    mtu, _ = search(1472)
    now = 200.0
    fell = [mtu.on_packet(1472, False, now) for _ in range(BLACK_HOLE_LOSSES)]
    assert fell == [False] * (BLACK_HOLE_LOSSES - 1) + [True]
    assert mtu.size == 1200 and mtu.black_holes == 1
    assert mtu.next_probe(now + 1) is None
    size = mtu.next_probe(now + 11)
    assert size == 1472
    mtu.on_probe(size, True)
    assert mtu.size == 1472


def test_losses_between_arrivals_are_no_black_hole_and_small_packets_say_nothing():
    mtu, _ = search(1472)
    for n in range(1000):
        assert not mtu.on_packet(1472, n % BLACK_HOLE_LOSSES == 0, 0.0)
        assert not mtu.on_packet(300, False, 0.0)
    assert mtu.size == 1472
