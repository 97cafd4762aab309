import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from dialplan import CallFacts, Default, Dialplan, Plan, Route, Times

NUMBERS = st.text("12", min_size=1, max_size=4)
PATTERNS = st.builds(
    lambda body, tail: "_" + body + tail,
    st.text("12XZN", max_size=4),
    st.sampled_from(["", ".", "!"]),
).filter(lambda pattern: pattern != "_")
CALLED = st.one_of(
    st.builds(lambda number: {"number": number}, NUMBERS),
    st.builds(lambda number: {"prefix": number}, NUMBERS),
    st.builds(lambda pattern: {"pattern": pattern}, PATTERNS),
    st.builds(
        lambda expression: {"regex": expression},
        st.sampled_from(["1+2", "(1|2)+", "12?1", "[12]2*", ".*", "1(2|22)"]),
    ),
    st.just({}),
)
OTHER = st.fixed_dictionaries(
    {},
    optional={
        "callers": st.lists(NUMBERS | PATTERNS, min_size=1, max_size=3).map(tuple),
        "caller_regex": st.sampled_from(["1.*", "2+"]),
        "trunks": st.just(("a",)),
        "anonymous": st.booleans(),
        "headers": st.just({"X-Kind": "1"}),
        "during": st.just(("day",)),
        "outside": st.just(("day",)),
    },
)
CONDITIONS = st.builds(lambda called, other: {**called, **other}, CALLED, OTHER).filter(bool)
CALLS = st.builds(
    CallFacts,
    called=st.text("12", max_size=5),
    caller=st.text("12", max_size=4) | st.just("anonymous"),
    trunk=st.sampled_from(["a", "b"]),
    headers=st.sampled_from([{}, {"x-kind": "1"}, {"X-KIND": "2"}]),
)
HOURS = st.sampled_from([None, *(dt.datetime(2026, 11, 23, h, tzinfo=dt.UTC) for h in (3, 12))])
DAY = {"day": Times(timezone="UTC", hours=("09:00-17:00",))}


@given(st.lists(CONDITIONS, max_size=12), CALLS, HOURS)
def test_it_does(conditions, call, at):
    routes = tuple(Route(agent=f"a{n}", **keys) for n, keys in enumerate(conditions))
    dialplan = Dialplan(Plan(routes=routes, default=Default(reject=404), times=DAY))
    decision = dialplan.decide(call, at)
    assert decision == dialplan.decide_by_scan(call, at)
    explained = dialplan.explain(call, at)
    assert explained.decision == decision
    assert [step.matched for step in explained.steps[:-1]] == [False] * (len(explained.steps) - 1)
    assert explained.steps[-1].matched
    assert all(step.why for step in explained.steps)


def test_of_ten_thousand_routes_only_a_few_are_candidates():
    routes = (
        *(Route(number=f"+1555{n:07}", agent="a") for n in range(2500)),
        *(Route(prefix=f"+1556{n:06}", agent="a") for n in range(2500)),
        *(Route(pattern=f"_+1557{n:06}[0-4]", agent="a") for n in range(2500)),
        *(Route(regex=rf"\+1558{n:06}\d", agent="a") for n in range(2500)),
    )
    dialplan = Dialplan(Plan(routes=routes))
    tried = []
    for rule in dialplan._rules:
        rule.holds = lambda context, rule=rule, holds=rule.holds: (
            tried.append(rule),
            holds(context),
        )[1]
    for called in ("+15550001234", "+15560012345", "+15570012344", "+15580012345", "+15570012349"):
        tried.clear()
        dialplan.decide(CallFacts(called))
        assert len(tried) <= 1
