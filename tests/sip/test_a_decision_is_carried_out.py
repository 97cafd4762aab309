"""Inbound decisions of the dialplan, on literal timelines of call control."""

import datetime as dt

import pytest

from sip_plugin.planes.messages import CloseCall, ModelFailed, ModelReady, OpenCall
from sip_plugin.sip.actions import Answer, HangUp
from sip_plugin.sip.events import Accept, Confirmed, Ended, MediaChanged, Refuse
from tests.sip.story import AGENT, MEDIA, TRUNK, Story, configured, to_worker, told


def planned(*routes: dict, **tables) -> Story:
    plan = {"routes": routes, **tables.pop("dialplan", {})}
    agents = {name: AGENT for name in ("a", "b", "c")}
    return Story(tables={"agents": agents, "dialplan": plan, **tables})


@pytest.mark.parametrize(
    ("action", "contact"),
    [
        ({"redirect": "1001"}, "<sip:1001@192.0.2.9>"),
        ({"redirect": "sip:desk@pbx.example.net"}, "<sip:desk@pbx.example.net>"),
        ({"forward": "other"}, "<sip:2@192.0.2.77>"),
    ],
)
def test_a_redirection_names_where_to_call(action: dict, contact: str):
    trunks = {"main": TRUNK, "other": {**TRUNK, "domain": "192.0.2.77", "allow_from": ["10.0.0.1"]}}
    decision, _ = planned({"number": "2", **action}, trunks=trunks).invite()
    assert decision == Refuse(302, "Moved Temporarily", (("Contact", contact),))


def test_opening_hours_are_looked_at_now():
    times = {"office": {"timezone": "UTC", "hours": ["mon-fri 09:00-17:00"]}}
    story = planned({"number": "2", "during": ["office"], "agent": "a"}, dialplan={"times": times})
    assert isinstance(story.invite("s1")[0], Accept)
    story.at = dt.datetime(2026, 11, 23, 18, tzinfo=dt.UTC)
    assert story.invite("s2")[0].code == 404


def test_numbers_are_read_as_the_trunk_writes_them():
    numbers = {"country_code": "49", "trunk_prefix": "0"}
    story = planned(
        {"number": "+4930123456", "callers": ["_+49."], "agent": "a"},
        trunks={"main": {**TRUNK, "numbers": numbers}},
    )
    opened = to_worker(story.invite(called="030123456", caller="0401234567")[1])[0]
    assert (opened.called, opened.caller) == ("+4930123456", "+49401234567")


def test_a_withheld_number_is_not_told():
    story = planned({"anonymous": True, "agent": "a"})
    opened = to_worker(story.invite(privacy="id")[1])[0]
    assert (opened.caller, opened.headers) == ("", {})


def test_the_agent_is_told_its_facts_then_those_of_the_route_then_the_headers():
    agents = {"a": {**AGENT, "language": "en", "metadata": {"team": "x", "tier": "1"}}}
    route = {"number": "2", "agent": "a", "variables": {"tier": "2", "dialled": "{called}"}}
    story = Story(tables={"agents": agents, "dialplan": {"routes": [route]}})
    opened = to_worker(story.invite(headers={"x-customer": "7"})[1])[0]
    assert list(opened.headers.items()) == [
        ("language", "en"),
        ("team", "x"),
        ("tier", "2"),
        ("dialled", "2"),
        ("x-customer", "7"),
    ]


def test_limits_refuse_with_their_code_and_count_what_runs():
    story = planned({"number": "2", "agent": "a", "max_calls": 1})
    story.answered("s1")
    decision, actions = story.invite("s2")
    assert (decision.code, told(actions)[0].code) == (486, 486)
    assert story.pool.count("w") == (1, 1), "a refused call costs no port"
    story.control.on_event(Ended("s1", 200, "", False), 5.0)
    assert isinstance(story.invite("s3", 5.1)[0], Accept)
    story = planned({"number": "2", "agent": "a", "calls_per_minute": 1})
    story.answered("s1")
    decision, _ = story.invite("s2", 10.0)
    assert (decision.code, decision.headers) == (503, (("Retry-After", "51"),))


def test_it_rings_for_as_long_as_it_shall():
    story = planned({"number": "2", "agent": "a", "ring_secs": 4})
    story.invite()
    assert story.control.on_message("w", ModelReady(sid="s1"), 1.0) == []
    assert story.control.tick(3.9) == []
    assert story.control.tick(4.0) == [Answer("s1", 200)]
    assert story.control.tick(13.9) == []
    assert isinstance(story.control.tick(14.0)[0], HangUp), "not acknowledged"


def test_a_model_that_is_slower_than_the_ringing_is_waited_for():
    story = planned({"number": "2", "agent": "a", "ring_secs": 1})
    story.invite()
    assert story.control.tick(2.0) == []
    assert story.control.on_message("w", ModelReady(sid="s1"), 3.0) == [Answer("s1", 200)]


def test_an_answered_call_ends_after_the_shorter_duration():
    story = planned(
        {"number": "2", "agent": "a", "max_duration_secs": 20},
        dialplan={"limits": {"max_duration_secs": 60}},
    )
    story.answered()  # at 1.1
    assert story.control.tick(21.0) == []
    hang_up, close = story.control.tick(21.1)
    assert isinstance(hang_up, HangUp) and hang_up.headers == ()
    assert close.message == CloseCall(sid="s1", reason="max_duration")
    final = told(story.control.on_event(Ended("s1", 200, "", True), 21.2))[0]
    assert (final.state, final.cause) == ("completed", "max_duration")


def test_agents_are_tried_in_order_on_the_same_port():
    story = planned({"number": "2", "agents": ["a", "b", "c"]})
    opened = to_worker(story.invite()[1])[0]
    assert (opened.agent_name, opened.again) == ("a", False)
    failed = ModelFailed(sid="s1", code="refused", reason="no", agent_name="a")
    actions = story.control.on_message("w", failed, 1.0)
    (again,) = to_worker(actions)
    assert isinstance(again, OpenCall)
    assert (again.agent_name, again.again, again.lease_id) == ("b", True, opened.lease_id)
    event, state = told(actions)
    assert (event.event, event.data["agent"], state.agent_name) == ("agent_failed", "a", "b")
    assert story.control.on_message("w", failed, 1.1) == [], "said twice"
    late = ModelReady(sid="s1", agent_name="a")
    assert story.control.on_message("w", late, 1.1) == [], "of an agent that was given up"
    assert to_worker(story.control.tick(7.0))[0].agent_name == "c", "b said nothing"
    ready = ModelReady(sid="s1", agent_name="c")
    assert story.control.on_message("w", ready, 8.0) == [Answer("s1", 200)]
    opened = to_worker(story.invite("s2", 9.0)[1])[0]
    assert opened.agent_name == "c", "those that are down come last"


def test_when_no_agent_is_left_it_is_503():
    story = planned({"number": "2", "agents": ["a", "b"]})
    story.invite()
    for name in "a":
        failed = ModelFailed(sid="s1", code="refused", reason="no", agent_name=name)
        story.control.on_message("w", failed, 1.0)
    hang_up, close = story.control.tick(7.0)
    assert (hang_up.code, close.message.reason) == (503, "model_failed")


def test_no_agent_is_tried_after_the_answer_timeout():
    story = planned({"number": "2", "agents": ["a", "b", "c"]})
    story.invite()
    story.control.tick(6.0)
    assert story.control.tick(9.9) == []
    assert story.control.tick(10.0)[0].code == 503, "b had what was left of 10 s"


def test_a_model_lost_after_the_answer_has_no_successor():
    story = planned({"number": "2", "agents": ["a", "b"]})
    story.answered()
    hang_up, _ = story.control.on_message("w", ModelFailed(sid="s1", code="x", reason="y"), 5.0)
    assert isinstance(hang_up, HangUp)


def test_running_calls_keep_what_they_began_with():
    story = planned({"number": "2", "agents": ["a", "b"]})
    story.invite("s1")
    story.control.reconfigure(
        configured(
            {"agents": {"new": AGENT}, "dialplan": {"routes": [{"number": "2", "agent": "new"}]}}
        )
    )
    failed = ModelFailed(sid="s1", code="refused", reason="no")
    assert to_worker(story.control.on_message("w", failed, 1.0))[0].agent_name == "b"
    story.control.on_message("w", ModelReady(sid="s1"), 2.0)
    story.control.on_event(MediaChanged("s1", MEDIA), 2.0)
    story.control.on_event(Confirmed("s1"), 2.0)
    assert to_worker(story.invite("s2", 3.0)[1])[0].agent_name == "new"


def test_an_agent_with_fewer_tools_is_told_which():
    story = Story(tables={"agents": {"parrot": {**AGENT, "tools": ["hangup", "hold"]}}})
    assert to_worker(story.invite()[1])[0].headers == {"tools": "hangup hold"}
