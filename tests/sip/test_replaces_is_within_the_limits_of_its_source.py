"""An INVITE with Replaces counts as any other of its source; one transfer at a time always goes."""

import pytest

from sip_plugin.sip.events import Accept, Confirmed, Invite, MediaChanged, Refuse, Replacing
from sip_plugin.sip.limits import SourceLimits
from sip_plugin.sip.sdp import AudioOffer
from tests.sip.story import MEDIA, Story

TABLES = {"dialplan": {"default": {"agent": "parrot", "accept_replaces": True}}}
TRUNK = "192.0.2.9"
OFFER = AudioOffer((MEDIA.codec,))


@pytest.fixture
def story() -> Story:
    limits = SourceLimits(rate=1.0, burst=10.0, strike_secs=60.0)
    story = Story(tables=TABLES, limits=limits, answer_timeout_secs=5.0)
    for sid in ("s1", "s2"):
        story.answered(sid)
    return story


def replace(
    story: Story, leg: str, now: float, source: str = TRUNK, sid: str = "n"
) -> Accept | Refuse:
    asked = Invite(sid, (source, 5060), "1", "2", OFFER, replaces=Replacing(leg))
    return story.control.invite(asked, now)[0]


def taken_over(story: Story, leg: str, by: Accept, now: float) -> None:
    story.control.on_event(MediaChanged(by.sid, MEDIA), now)
    story.control.on_event(Confirmed(by.sid), now)


def test_a_flood_is_refused_and_may_come_back(story):
    codes = [replace(story, "none", 2.0).code for _ in range(12)]
    assert codes[:8] == [481] * 8 and codes[-2:] == [503, 503]
    refused = replace(story, "s1", 2.0)
    assert dict(refused.headers)["Retry-After"]
    assert isinstance(replace(story, "s1", 4.0), Accept)


def test_strangers_are_told_nothing_of_limits(story):
    assert {replace(story, "s1", 2.0, "198.51.100.1").code for _ in range(50)} == {403}


def test_a_full_plugin_takes_one_transfer_after_the_other(story):
    """Both of its calls run, and neither needs another port."""
    for now in (2.0, 4.0, 6.0):
        for sid in ("s1", "s2"):
            accepted = replace(story, story.control._running.calls[sid].leg, now)
            assert isinstance(accepted, Accept)
            taken_over(story, sid, accepted, now + 0.1)


def test_whoever_never_acknowledges_has_one_at_a_time(story):
    assert isinstance(replace(story, "s1", 2.0), Accept)
    assert isinstance(replace(story, "s2", 2.0), Accept)
    story.control.tick(8.0)
    assert isinstance(replace(story, "s1", 9.0), Accept)
    refused = replace(story, "s2", 9.0)
    assert isinstance(refused, Refuse) and refused.code == 503
    story.control.tick(15.0)
    assert isinstance(replace(story, "s2", 16.0), Accept)


def test_calls_that_ring_do_not_stand_in_its_way():
    story = Story(tables=TABLES, limits=SourceLimits())
    story.answered("s1")
    story.control._limits.strike(TRUNK, 1.5)
    assert isinstance(story.invite("s2", now=1.6)[0], Accept)
    assert isinstance(replace(story, "s1", 2.0), Accept)
