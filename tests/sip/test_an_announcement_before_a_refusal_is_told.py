"""Early media of a call of ours that is never answered: how long it lasted, what followed it."""

import pytest

from sip_plugin.planes.messages import CallEvent, CallState, ModelReady
from sip_plugin.sip.events import Confirmed, Ended, MediaChanged, Progress
from tests.sip.story import AGENT, MEDIA, TRUNK, Story, told


def ended(story: Story, event: Ended, now: float) -> CallState:
    return [t for t in told(story.control.on_event(event, now)) if isinstance(t, CallState)][-1]


@pytest.mark.parametrize(
    ("code", "reason", "cause"),
    [
        (404, "", "unknown_number"),
        (480, "", "no_answer"),
        (486, "", "busy"),
        (503, "Q.850;cause=1", "unknown_number"),
        (500, "Q.850;cause=17", "busy"),
        (603, "Q.850;cause=21", "rejected"),
        (503, "", "trunk_failed"),
    ],
)
def test_an_announcement_then_a_refusal(code: int, reason: str, cause: str):
    story = Story()
    sid = story.originate()
    story.control.on_event(Progress(sid, 183, "Session Progress"), 1.0)
    story.control.on_event(MediaChanged(sid, MEDIA), 1.0)
    story.control.on_event(MediaChanged(sid, MEDIA), 3.0)
    last = ended(story, Ended(sid, code, "x", False, reason), 7.5)
    assert (last.cause, last.code, last.announcement_secs) == (cause, code, 6.5)


def test_an_announcement_without_an_end_is_given_up():
    story = Story()
    sid = story.originate()
    story.control.on_message("w", ModelReady(sid=sid), 1.0)
    story.control.on_event(MediaChanged(sid, MEDIA), 2.0)
    story.control.tick(30.0)
    last = ended(story, Ended(sid, 487, "Request Terminated", True), 30.5)
    assert (last.cause, last.announcement_secs) == ("ring_timeout", 28.0)


def test_a_refusal_at_once_has_none():
    story = Story()
    sid = story.originate()
    last = ended(story, Ended(sid, 486, "Busy Here", False), 1.0)
    assert (last.cause, last.announcement_secs) == ("busy", 0.0)


def test_a_call_that_is_answered_after_it_has_none():
    story = Story()
    sid = story.originate()
    story.control.on_event(MediaChanged(sid, MEDIA), 1.0)
    story.control.on_event(Confirmed(sid), 5.0)
    last = ended(story, Ended(sid, 200, "OK", False), 9.0)
    assert (last.cause, last.announcement_secs) == ("callee_hangup", 0.0)


def test_the_next_trunk_begins_anew():
    trunks = {"a": TRUNK, "b": TRUNK}
    rules = [{"trunks": ["a", "b"]}]
    plan = {"default": {"agent": "parrot"}, "outbound": {"allow": ["_+."], "rules": rules}}
    story = Story(tables={"trunks": trunks, "agents": {"parrot": AGENT}, "dialplan": plan})
    sid = story.originate()
    story.control.on_event(MediaChanged(sid, MEDIA), 1.0)
    actions = story.control.on_event(Ended(sid, 503, "x", False), 3.0)
    (tried,) = [t for t in told(actions) if isinstance(t, CallEvent)]
    assert (tried.event, tried.data["announcement_secs"]) == ("trunk_failed", 2.0)
    last = ended(story, Ended(f"{sid}~2", 486, "Busy Here", False), 4.0)
    assert last.announcement_secs == 0.0
