import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import CallFacts, Dialplan, Plan, Route
from dialplan.lint import _common, covers, findings
from dialplan.pattern import Pattern

TEXTS = ["".join(text) for n in range(6) for text in itertools.product("12a", repeat=n)]
PATTERNS = st.builds(
    Pattern,
    st.lists(st.sampled_from(["1", "2", frozenset("12"), frozenset("2a")]), max_size=3).map(tuple),
    st.sampled_from([None, 0, 1]),
)


def found(*routes, **tables):
    plan = Plan.model_validate({"routes": [{"agent": "a", **keys} for keys in routes], **tables})
    return [(".".join(map(str, path)), text) for path, text in findings(plan)]


@pytest.mark.parametrize(
    "routes",
    [
        ({"number": "12"}, {"number": "12"}),
        ({"prefix": "1"}, {"number": "12"}),
        ({"pattern": "_1!"}, {"prefix": "12"}),
        ({"pattern": "_XX"}, {"pattern": "_NZ"}),
        ({"regex": "1+"}, {"regex": "1+"}),
        ({"trunks": ["a"]}, {"trunks": ["a"], "number": "1"}),
        ({"trunks": ["a", "b"], "prefix": "1"}, {"trunks": ["a"], "number": "1", "callers": ["2"]}),
        ({"anonymous": True}, {"anonymous": True, "regex": "1"}),
    ],
)
def test_a_route_behind_one_that_takes_all_of_its_calls(routes):
    ((path, text),) = found(*routes)
    assert path == "routes.1" and text.startswith("never reached: routes[0]")


@pytest.mark.parametrize(
    "routes",
    [
        ({"number": "12"}, {"prefix": "1"}),
        ({"prefix": "12"}, {"prefix": "13"}),
        ({"number": "12", "trunks": ["a"]}, {"number": "12"}),
        ({"number": "12", "callers": ["1"]}, {"number": "12", "callers": ["1", "2"]}),
        ({"pattern": "_1."}, {"number": "1"}),
        ({"regex": "1+"}, {"number": "11"}),
    ],
)
def test_routes_of_which_each_is_reached(routes):
    assert found(*routes) == []


def test_patterns_of_which_neither_takes_all_of_the_other_overlap():
    ((path, text),) = found({"pattern": "_12X"}, {"pattern": "_1X3"})
    assert (path, text) == ("routes.1", "overlaps routes[0], which comes first for 123")


def test_times_and_rules_that_do_nothing():
    outbound = {"rules": [{"trunks": ["a"]}, {"numbers": ["1"]}], "allow": ["1"], "forbid": ["1"]}
    told = dict(found({"number": "1"}, times={"x": {"timezone": "UTC"}}, outbound=outbound))
    assert set(told) == {"times.x", "outbound.rules.1", "outbound.allow.0"}


@given(PATTERNS, PATTERNS)
def test_covering_and_overlapping_are_those_of_sets_of_numbers(one, other):
    first = {text for text in TEXTS if one.matches(text)}
    second = {text for text in TEXTS if other.matches(text)}
    assert covers(one, other) == (second <= first)
    common = _common(one, other)
    assert bool(common) == bool((first & second) - {""})
    assert not common or (one.matches(common) and other.matches(common))


@given(
    st.lists(
        st.one_of(
            st.builds(lambda n: {"number": n}, st.text("12", min_size=1, max_size=3)),
            st.builds(lambda n: {"prefix": n}, st.text("12", min_size=1, max_size=3)),
            st.builds(
                lambda n: {"pattern": n}, st.sampled_from(["_X", "_1X", "_N.", "_ZZ!", "_12"])
            ),
        ),
        max_size=6,
    )
)
def test_what_is_never_reached_never_is(conditions):
    dialplan = Dialplan(Plan(routes=tuple(Route(agent="a", **keys) for keys in conditions)))
    calls = ("".join(text) for n in range(1, 5) for text in itertools.product("123", repeat=n))
    reached = {dialplan.decide(CallFacts(called)).route for called in calls}
    for path, text in findings(dialplan.plan):
        if text.startswith("never reached"):
            assert f"route {int(path[1]) + 1}" not in reached
