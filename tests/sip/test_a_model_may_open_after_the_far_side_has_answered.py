"""A call of ours that is answered before its model is there goes on with it."""

from sip_plugin.planes.messages import ModelReady
from sip_plugin.sip.actions import HangUp
from sip_plugin.sip.events import Confirmed, MediaChanged
from tests.sip.story import MEDIA, Story


def story_of_a_quick_answer() -> tuple[Story, str]:
    story = Story()
    sid = story.originate()
    story.control.on_event(MediaChanged(sid, MEDIA), 0.1)
    story.control.on_event(Confirmed(sid), 0.1)
    return story, sid


def test_it_goes_on_when_the_model_is_ready():
    story, sid = story_of_a_quick_answer()
    assert story.control.on_message("w", ModelReady(sid=sid, agent_name="parrot"), 0.5) == []
    assert story.control.tick(25.0) == []


def test_it_ends_when_the_model_never_is():
    story, _ = story_of_a_quick_answer()
    assert any(isinstance(action, HangUp) for action in story.control.tick(25.0))
