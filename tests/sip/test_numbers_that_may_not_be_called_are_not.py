"""Outbound calls by the rules of the dialplan: refused, or tried by one trunk after the other."""

import pytest

from sip_plugin.planes.messages import (
    CallEvent,
    CallState,
    ChangeLeg,
    CloseCall,
    ModelReady,
    OpenCall,
    Originate,
)
from sip_plugin.sip.actions import Dial, HangUp
from sip_plugin.sip.events import Confirmed, Ended, MediaChanged, Progress
from tests.sip.story import MEDIA, TRUNK, Story, configured, to_worker, told

TWO_TRUNKS = {
    "trunks": {
        "main": {**TRUNK, "sip_username": "m"},
        "spare": {**TRUNK, "domain": "192.0.2.10", "sip_username": "s", "channel_limit": 1},
    },
    "dialplan": {
        "default": {"agent": "parrot"},
        "outbound": {"countries": ["US"], "rules": [{"trunks": ["main", "spare"]}]},
    },
}
NUMBER = "+12025550123"


def ask(story: Story, number: str = NUMBER, now: float = 0.0, **more: str):
    asked = Originate(request_id="r", number=number, agent_name="parrot", **more)
    return story.control.originate(asked, now)


def dials(actions) -> list[Dial]:
    return [action for action in actions if isinstance(action, Dial)]


@pytest.mark.parametrize("allow", [[], ["_+.", "_X."]])
@pytest.mark.parametrize("number", ["911", "112", "9911", "+1911", "999"])
def test_an_emergency_number_is_never_called(number: str, allow: list[str]):
    outbound = {"allow": allow, "international": True}
    story = Story(tables={"dialplan": {"default": {"agent": "parrot"}, "outbound": outbound}})
    (action,) = ask(story, number)
    assert (action.message.sid, action.message.code) == ("", 403)
    assert "emergency number, which is never called from here" in action.message.reason
    assert story.pool.count("w") == (0, 2)


@pytest.mark.parametrize(
    ("number", "code"),
    [(NUMBER, 403), ("+19005550123", 403), ("*72", 403), ("a b@c", 484), ("1001", 0), ("echo", 0)],
)
def test_the_default_calls_extensions_and_names_only(number: str, code: int):
    story = Story(tables={"dialplan": {"default": {"agent": "parrot"}}})
    answer = ask(story, number)[0].message
    assert (answer.code, bool(answer.sid)) == (code, code == 0)


def test_a_caller_id_that_is_not_ours_is_refused():
    outbound = {"countries": ["US"], "caller_ids": ["+12025550100"]}
    story = Story(tables={"dialplan": {"default": {"agent": "parrot"}, "outbound": outbound}})
    assert ask(story, caller_id="+15550000000")[0].message.code == 403
    (dial,) = dials(ask(story, "(202) 555-0123", caller_id="+12025550100"))
    assert (dial.uri, dial.local_uri) == (
        "sip:+12025550123@192.0.2.9",
        "<sip:+12025550100@192.0.2.9>",
    )


def test_a_trunk_that_fails_is_followed_by_the_next():
    story = Story(tables=TWO_TRUNKS)
    _, opened, _, dial = ask(story)
    sid = opened.message.sid
    assert (dial.sid, dial.trunk) == (sid, "main")
    actions = story.control.on_event(Ended(sid, 503, "Service Unavailable", False), 1.0)
    tried, state = told(actions)
    assert isinstance(tried, CallEvent) and tried.data == {
        "trunk": "main",
        "reason": "503 Service Unavailable",
        "next": "spare",
    }
    assert isinstance(state, CallState)
    assert (state.sid, state.state, state.trunk, state.caller) == (sid, "dialing", "spare", "s")
    (again,) = dials(actions)
    assert (again.uri, again.local) == ("sip:+12025550123@192.0.2.10", dial.local)
    assert not to_worker(actions), "the worker keeps port and model"
    story.control.on_event(MediaChanged(again.sid, MEDIA), 2.0)
    story.control.on_event(Confirmed(again.sid), 2.0)
    assert story.control.on_event(Ended(sid, 200, "", True), 2.1) == [], "of the first attempt"
    final = told(story.control.on_event(Ended(again.sid, 200, "", False), 9.0))[-1]
    assert (final.sid, final.state, final.trunk) == (sid, "completed", "spare")


def test_the_next_trunk_has_a_line_of_its_own():
    main, spare = TWO_TRUNKS["trunks"].values()
    trunks = {"main": main, "spare": {**spare, "leg_profile": "aec"}}
    story = Story(tables=TWO_TRUNKS | {"trunks": trunks})
    dial = ask(story)[-1]
    actions = story.control.on_event(Ended(dial.sid, 503, "", False), 1.0)
    (changed,) = to_worker(actions)
    assert isinstance(changed, ChangeLeg)
    assert changed.leg == configured(TWO_TRUNKS | {"trunks": trunks}).leg_of("spare", "parrot")
    assert changed.leg.canceller == "none"


def test_a_trunk_that_says_nothing_is_given_up_for_the_next():
    story = Story(tables=TWO_TRUNKS)
    dial = ask(story)[-1]
    story.control.on_message("w", ModelReady(sid=dial.sid), 1.0)
    hang_up, _, _, again = story.control.tick(30.0)
    assert isinstance(hang_up, HangUp) and hang_up.sid == dial.sid
    assert again.trunk == "spare" and again.sid != dial.sid
    assert story.control.tick(59.9) == []
    assert story.control.tick(60.0)[0].sid == again.sid


@pytest.mark.parametrize("code", [404, 486, 603])
def test_a_refusal_by_the_callee_is_final(code: int):
    story = Story(tables=TWO_TRUNKS)
    dial = ask(story)[-1]
    story.control.on_event(Progress(dial.sid, 180, ""), 0.5)
    actions = story.control.on_event(Ended(dial.sid, code, "No", False), 1.0)
    assert [type(message) for message in to_worker(actions)] == [CloseCall]
    assert told(actions)[0].code == code


def test_a_full_trunk_is_passed_over_and_all_full_is_busy():
    story = Story(
        tables=TWO_TRUNKS
        | {
            "trunks": {
                "main": {**TRUNK, "channel_limit": 1},
                "spare": TWO_TRUNKS["trunks"]["spare"],
            }
        }
    )
    assert [ask(story)[-1].trunk, ask(story)[-1].trunk] == ["main", "spare"]
    full = Story(tables=TWO_TRUNKS)
    assert ask(full, trunk="spare")[-1].trunk == "spare"
    refused = ask(full, trunk="spare")[0].message
    assert (refused.code, refused.reason) == (486, "trunk spare has its 1 calls")
    assert full.pool.count("w") == (1, 1), "a refused call costs no port"


def test_limits_count_calls_that_go_out():
    limits = {"trunks": {"main": {"calls_per_minute": 1}}, "max_duration_secs": 60}
    plan = {**TWO_TRUNKS["dialplan"], "limits": limits}
    story = Story(tables=TWO_TRUNKS | {"dialplan": plan})
    first = ask(story, trunk="main")
    assert isinstance(first[1].message, OpenCall)
    refused = ask(story, trunk="main", now=1.0)[0].message
    assert (refused.code, refused.reason) == (503, "trunk main had its 1 calls of a minute")
    assert ask(story, now=2.0)[-1].trunk == "spare"


def test_a_call_that_cannot_be_sent_goes_by_the_next_trunk():
    story = Story(tables=TWO_TRUNKS)
    dial = ask(story)[-1]
    again = story.control.stack_refused(dial.sid, "no route", 0.0)[-1]
    assert again.trunk == "spare"
    assert told(story.control.stack_refused(again.sid, "no route", 0.0))[0].state == "failed"
