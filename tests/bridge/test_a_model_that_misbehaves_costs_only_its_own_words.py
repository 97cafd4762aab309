"""Floods, nonsense and holes in a reply: bounded, counted, and the call goes on."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.events import ReplyStart
from bridge.leg.interface import ReplyAudio, ReplyEnd
from bridge.turn.events import Commit
from tests.bridge.story import Story


def committed(**options: float) -> Story:
    story = Story(**options)
    story.caller(1000, speaks=True)
    story.caller(700, speaks=False)
    return story


def test_a_flood_is_cut_at_the_bound_and_what_fits_is_heard():
    story = committed(max_playout_secs=2.0)
    story.reply(1, 60_000)
    assert story.bridge.playout.buffered_ms <= 2000
    assert story.bridge.playout.stats.refused_overflow > 0
    story.caller(3000, speaks=False)
    assert story.audible() == 2000


def test_half_a_sample_is_dropped_and_counted():
    story = committed()
    story.bridge.on_reply(ReplyAudio(1, 0, 0, b"\x00\x01\x02"), story.now)
    story.bridge.on_reply(ReplyAudio(1, 0, 0, b""), story.now)
    assert story.bridge.stats.reply_frames_malformed == 2


def test_lost_reply_audio_becomes_silence_so_that_positions_stay_true():
    story = committed()
    story.reply(1, 100, ends=False)
    story.reply(1, 100, first=160)
    story.caller(600, speaks=False)
    assert story.bridge.stats.reply_gap_ms == 60
    assert story.bridge.playout.heard_ms(1) == 260


@given(
    st.lists(
        st.builds(
            ReplyAudio,
            turn=st.integers(0, 2**32),
            seq=st.integers(0, 2**32),
            timestamp=st.integers(0, 2**63),
            payload=st.binary(max_size=3000),
        )
        | st.builds(ReplyEnd, turn=st.integers(0, 2**32), frames=st.integers(0, 2**32)),
        max_size=30,
    )
)
def test_nonsense_raises_nothing_and_the_next_turn_is_still_answered(nonsense: list):
    story = committed(max_playout_secs=2.0)
    for event in nonsense:
        story.bridge.on_reply(event, story.now)
        story.caller(20, speaks=False)
    assert story.bridge.playout.buffered_ms <= 2000
    assert len(story.of(Commit)) == 1
    assert len(story.of(ReplyStart)) <= len(nonsense)
