import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from dialplan import Answer, CallFacts, Dialplan, Gate, Over, Plan, Reject
from dialplan.gate import DOWN_SECS

AT = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
TABLES = {
    "routes": [
        {"number": "1", "agents": ["a", "b", "c"]},
        {"number": "2", "agent": "a", "max_calls": 1},
        {"number": "3", "agent": "c", "calls_per_minute": 1},
    ],
    "limits": {"agents": {"a": {"max_calls": 1}, "b": {"max_calls": 1}}},
}


def gate(**tables):
    return Gate(Dialplan(Plan.model_validate({**TABLES, **tables})))


def call(entrance, sid, called="1", caller="", trunk="t", now=0.0):
    facts = CallFacts(called, caller, trunk, sid=sid)
    answer = entrance.decide(facts, AT)
    assert isinstance(answer, Answer)
    return entrance.enter(facts, answer, now)


def test_a_full_agents_calls_go_to_the_next():
    entrance = gate()
    assert [call(entrance, str(n)) for n in range(4)] == ["a", "b", "c", "c"]
    entrance.end("0")
    assert call(entrance, "5") == "a"


def test_when_all_are_full_it_is_busy():
    entrance = gate(limits={"agents": {name: {"max_calls": 1} for name in "abc"}})
    assert [call(entrance, str(n)) for n in range(3)] == ["a", "b", "c"]
    refused = call(entrance, "3")
    assert isinstance(refused, Reject) and (refused.code, refused.why) == (
        486,
        "agent a has its 1 calls",
    )


def test_an_agent_that_is_down_is_tried_last_until_it_is_back():
    entrance = gate(limits={})
    assert call(entrance, "0") == "a"
    assert entrance.failed("0", 0.0) == "b"
    assert call(entrance, "1", now=1.0) == "b"
    assert call(entrance, "2", now=DOWN_SECS) == "a"
    entrance.reached("2")
    assert call(entrance, "3", now=DOWN_SECS) == "a"


def test_a_call_whose_agents_all_failed_has_none():
    entrance = gate()
    call(entrance, "0")
    assert [entrance.failed("0", 0.0) for _ in range(4)] == ["b", "c", "", ""]
    assert entrance.failed("unknown", 0.0) == ""


def test_a_call_that_moved_frees_its_first_agent():
    entrance = gate()
    call(entrance, "0")
    entrance.failed("0", 0.0)
    assert call(entrance, "1", "2", now=DOWN_SECS) == "a"


def test_limits_of_routes():
    entrance = gate(limits={})
    assert call(entrance, "0", "2") == "a"
    assert call(entrance, "1", "2").why == "route 2 has its 1 calls"
    assert call(entrance, "2", "3") == "c"
    entrance.end("2")
    refused = call(entrance, "3", "3", now=20.0)
    assert (refused.code, refused.retry_after_secs) == (503, 41)


def test_outbound_calls_count_for_their_agent_and_trunk():
    entrance = gate(limits={"agents": {"a": {"max_calls": 1}}, "trunks": {"t": {"max_calls": 2}}})
    assert entrance.enter_outbound("0", "a", "", "t", 0.0) is None
    assert isinstance(entrance.enter_outbound("1", "a", "", "u", 0.0), Over)
    assert call(entrance, "2") == "b"
    assert call(entrance, "3").why == "trunk t has its 2 calls"


def test_a_running_call_keeps_the_plan_that_it_began_with():
    entrance = gate()
    call(entrance, "0")
    entrance.replace(Dialplan(Plan.model_validate({"routes": [{"number": "1", "agent": "x"}]})))
    assert call(entrance, "1") == "x"
    assert entrance.failed("0", 0.0) == "b"


@given(st.lists(st.tuples(st.sampled_from("efn"), st.integers(0, 4)), max_size=40))
def test_limits_hold_whatever_happens(steps):
    entrance, agents = gate(), {}
    for step, sid in steps:
        if step == "n" and sid not in agents:
            found = call(entrance, str(sid))
            if isinstance(found, str):
                agents[sid] = found
        elif step == "f" and sid in agents:
            found = entrance.failed(str(sid), 0.0)
            agents[sid] = found or agents[sid]
        elif step == "e":
            entrance.end(str(sid))
            agents.pop(sid, None)
        for limited in "ab":
            assert list(agents.values()).count(limited) <= 1
