from sip_plugin.sip.limits import MAX_SOURCES, SourceLimits


def test_a_burst_then_the_rate():
    limits = SourceLimits(rate=10.0, burst=5.0)
    assert [limits.admit("a", 0.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert limits.admit("b", 0.0), "another source is not to blame"
    assert [limits.admit("a", 0.2) for _ in range(3)] == [True, True, False]


def test_each_unacknowledged_call_costs_a_place_for_a_while():
    limits = SourceLimits(strike_secs=60.0)
    assert limits.pending_allowed("a", 4, 0.0) == 4
    for now in (1.0, 2.0):
        limits.strike("a", now)
    assert limits.pending_allowed("a", 4, 3.0) == 2
    for _ in range(10):
        limits.strike("a", 4.0)
    assert limits.pending_allowed("a", 4, 5.0) == 1, "never none"
    assert limits.pending_allowed("a", 4, 64.0) == 4


def test_what_is_remembered_is_bounded():
    limits = SourceLimits()
    for n in range(3 * MAX_SOURCES):
        limits.admit(f"10.0.{n // 256}.{n % 256}", float(n))
    assert len(limits._sources) == MAX_SOURCES
