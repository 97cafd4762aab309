from hypothesis import given
from hypothesis import strategies as st

from dialplan import CallFacts, Dialplan, Key, Limit, Limiter, Plan
from dialplan.limits import MAX_CALLERS

AGENT, CALLER = Key("agent", "a"), Key("caller", "+1")


def test_calls_at_once():
    limiter, limits = Limiter(), {AGENT: Limit(max_calls=2)}
    limiter.begin("1", limits, 0.0)
    assert limiter.over(limits, 0.0) is None
    limiter.begin("2", limits, 0.0)
    over = limiter.over(limits, 100.0)
    assert (over.key, over.code, over.retry_after_secs) == (AGENT, 486, 0)
    assert over.why == "agent a has its 2 calls"
    limiter.end("1")
    assert limiter.over(limits, 100.0) is None


def test_calls_of_a_minute_and_when_to_try_again():
    limiter, limits = Limiter(), {CALLER: Limit(calls_per_minute=2)}
    for sid, now in (("1", 0.0), ("2", 50.0)):
        limiter.begin(sid, limits, now)
        limiter.end(sid)
    over = limiter.over(limits, 55.0)
    assert (over.code, over.retry_after_secs) == (503, 6)
    assert limiter.over(limits, 60.0) is None


def test_refused_calls_do_not_count():
    limiter, limits = Limiter(), {CALLER: Limit(calls_per_minute=1)}
    limiter.begin("1", limits, 0.0)
    assert all(limiter.over(limits, float(now)) for now in range(60))
    assert limiter.over(limits, 60.0) is None


def test_a_call_that_ends_twice_or_never_began_changes_nothing():
    limiter, limits = Limiter(), {AGENT: Limit(max_calls=1)}
    limiter.end("0")
    limiter.begin("1", limits, 0.0)
    limiter.begin("2", limits, 0.0)
    limiter.end("1")
    limiter.end("1")
    assert limiter.running(AGENT) == 1


def test_a_call_that_went_to_the_next_agent_counts_there():
    limiter, other = Limiter(), Key("agent", "b")
    limiter.begin("1", {AGENT: Limit(max_calls=1), CALLER: Limit(calls_per_minute=1)}, 0.0)
    limiter.move("1", AGENT, {other: Limit(max_calls=1)}, 1.0)
    assert (limiter.running(AGENT), limiter.running(other), limiter.running(CALLER)) == (0, 1, 1)
    limiter.end("1")
    assert limiter.running(other) == 0
    assert limiter.over({CALLER: Limit(calls_per_minute=1)}, 2.0)


def test_what_is_remembered_of_callers_is_bounded():
    limiter = Limiter()
    for n in range(MAX_CALLERS + 500):
        limiter.begin(str(n), {Key("caller", str(n)): Limit(calls_per_minute=3)}, 0.0)
        limiter.end(str(n))
    assert len(limiter) <= MAX_CALLERS + 1


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.floats(0, 40)), max_size=60),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_no_limit_is_ever_broken(steps, most, per_minute):
    limiter, limits = Limiter(), {AGENT: Limit(max_calls=most, calls_per_minute=per_minute)}
    now, running, begun = 0.0, set(), []
    for sid, begins, later in steps:
        now += later
        if not begins:
            limiter.end(str(sid))
            running.discard(sid)
        elif sid not in running:
            recent = [at for at in begun if at > now - 60]
            fits = len(running) < most and len(recent) < per_minute
            assert (limiter.over(limits, now) is None) == fits
            if fits:
                limiter.begin(str(sid), limits, now)
                running.add(sid)
                begun.append(now)
        assert limiter.running(AGENT) == len(running)


def test_a_plan_says_what_a_call_counts_for():
    plan = Plan.model_validate(
        {
            "routes": [{"name": "x y", "number": "1", "agent": "a", "max_calls": 3}],
            "default": {"agent": "a", "calls_per_minute": 4},
            "limits": {"caller": {"max_calls": 1}, "trunks": {"t": {"max_calls": 2}}},
        }
    )
    dialplan = Dialplan(plan)
    for called, route in (("1", Limit(max_calls=3)), ("2", Limit(calls_per_minute=4))):
        decision = dialplan.decide(CallFacts(called))
        found = dialplan.limits(decision.route, "+1", "t")
        assert found[Key("route", decision.route)] == route
        assert found[Key("caller", "+1")] == Limit(max_calls=1)
        assert found[Key("trunk", "t")] == Limit(max_calls=2)
