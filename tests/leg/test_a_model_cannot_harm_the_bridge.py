from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.leg.interface import LegFailed, ReplyAudio, ReplyEnd
from bridge.wire import messages
from bridge.wire.limits import DOWNLINK_BURST, MAX_AUDIO
from tests.leg.calls import Leg


def test_a_flood_of_audio_fails_the_call():
    leg = Leg()
    leg.core.commit(1, 50)
    for seq in range(DOWNLINK_BURST + 1):
        leg.audio(1, seq)
    assert [e.code for e in leg.events if isinstance(e, LegFailed)] == ["flood"]


def test_two_minutes_at_once_are_no_flood():
    leg = Leg()
    leg.core.commit(1, 50)
    for seq in range(120 * 50):
        leg.audio(1, seq)
    assert len(leg.events) == 120 * 50


def test_a_flood_of_messages_fails_the_call():
    leg = Leg()
    for _ in range(1000):
        leg.gateway_says(messages.Transcript(role="agent", text="la", turn=0, final=False))
    assert [e.code for e in leg.events if isinstance(e, LegFailed)] == ["flood"]


MESSAGES = st.one_of(
    st.binary(max_size=40),
    st.builds(messages.ReplyEnd, turn=st.integers(0, 3), frames=st.integers(0, 8)),
    st.just(messages.Opened()),
    st.just(messages.Hangup()),
)
STEPS = st.one_of(
    st.tuples(st.just("audio"), st.integers(0, 4), st.integers(0, 12)),
    st.tuples(st.just("says"), MESSAGES, st.none()),
    st.tuples(st.just("wait"), st.floats(0, 0.5), st.none()),
    st.tuples(st.just("commit"), st.integers(0, 3), st.none()),
    st.tuples(st.just("cancel"), st.none(), st.none()),
)


@settings(max_examples=300)
@given(st.booleans(), st.lists(STEPS, max_size=60))
def test_whatever_it_sends_replies_are_in_order_and_end_once(opened, steps):
    leg, committed = Leg(opened), 0
    for step, a, b in steps:
        if leg.core.ended:
            break
        match step:
            case "audio":
                leg.audio(a, b)
            case "says" if isinstance(a, bytes):
                leg.events += leg.core.receive_message(a, leg.now)
            case "says":
                leg.gateway_says(a)
            case "wait":
                leg.wait(a)
            case "commit":
                committed += 1
                leg.core.commit(committed, a)
            case "cancel":
                leg.core.cancel(committed, 0)
    leg.wait(100)
    last = (-1, -1)
    for event in leg.events:
        if isinstance(event, ReplyAudio):
            assert (event.turn, event.seq) > last
            assert len(event.payload) <= MAX_AUDIO
            last = (event.turn, event.seq)
        elif isinstance(event, ReplyEnd):
            assert event.turn >= last[0]
            last = (event.turn, 2**32)
    failures = [e for e in leg.events if isinstance(e, LegFailed)]
    assert len(failures) <= 1
    if failures:
        assert leg.events[-1] is failures[0]
    assert leg.core.deadline is None
