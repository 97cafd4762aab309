from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dialplan import CallFacts, Plan, Route, decide


def split(**weights):
    return Plan(routes=(Route(pattern="_X!", split=weights),))


def agents(plan, callers):
    return [decide(plan, CallFacts("1", caller)).agent for caller in callers]


CALLERS = [f"+1555{n:07}" for n in range(4000)]


def test_shares_are_those_of_the_weights():
    counted = Counter(agents(split(a=7, b=2, c=1, d=0), CALLERS))
    assert 2660 < counted["a"] < 2940 and 700 < counted["b"] < 900 and 330 < counted["c"] < 470
    assert "d" not in counted


def test_a_new_agent_takes_callers_but_moves_none_between_the_others():
    before, after = agents(split(a=5, b=5), CALLERS), agents(split(a=5, b=5, c=1), CALLERS)
    assert {now for was, now in zip(before, after, strict=True) if was != now} == {"c"}


@given(st.text("0123456789", min_size=1, max_size=12))
def test_the_same_caller_always_has_the_same_agent(caller):
    plan = split(a=1, b=1)
    assert agents(plan, [caller]) == agents(split(a=1, b=1), [caller])


def test_callers_that_withhold_their_number_are_drawn_singly():
    calls = [CallFacts("1", "", sid=f"s{n}") for n in range(100)]
    assert {decide(split(a=1, b=1), call).agent for call in calls} == {"a", "b"}
