import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.gateway.events import Answered, CallerAudio, Committed, Ended
from bridge.wire import audio, messages
from bridge.wire.limits import LATE_END_WAIT, OPEN_WAIT, PEER_SILENT_AFTER, UPLINK_BURST
from tests.gateway.calls import OPEN, Asked, Desk


def ended(desk):
    return [e.code for e in desk.events if isinstance(e, Ended)]


@pytest.mark.parametrize(
    ("accepted", "said"),
    [
        (False, messages.Answered()),
        (True, OPEN),
        (True, messages.Cancel(turn=1, heard_ms=0)),
        (True, messages.Commit(turn=1, last_seq=4_000_000_000)),
    ],
    ids=["before open", "open twice", "cancel of no commit", "a far last_seq"],
)
def test_a_message_out_of_place_ends_the_call_with_an_error(accepted, said):
    desk = Desk(accepted)
    desk.plugin_says(said)
    assert ended(desk) == ["protocol_violation"]
    assert [m.code for m in desk.said()] == ["protocol_violation"]


def test_what_follows_the_open_at_once_waits_for_the_agent():
    desk = Desk(accepted=False)
    desk.plugin_says(OPEN, messages.Answered(), messages.Commit(turn=1, last_seq=-1))
    assert [type(e) for e in desk.events] == [Asked]
    desk.wait(1)
    assert desk.session.accept(desk.now) == [Answered(), Committed(1, -1, missing=0)]


def test_a_ping_before_the_agent_has_taken_the_call_is_out_of_place():
    desk = Desk(accepted=False)
    desk.plugin_says(OPEN, messages.Ping())
    assert ended(desk) == ["protocol_violation"]


def test_turns_that_go_backwards_end_the_call():
    desk = Desk()
    desk.plugin_says(messages.Commit(turn=2, last_seq=-1), messages.Commit(turn=1, last_seq=-1))
    assert ended(desk) == ["protocol_violation"]


def test_a_stream_that_never_speaks_is_closed():
    desk = Desk(accepted=False)
    desk.wait(OPEN_WAIT - 0.01)
    assert desk.events == []
    desk.wait(0.01)
    assert ended(desk) == ["open_timeout"]


def test_a_plugin_that_is_done_may_say_its_last_for_a_while():
    desk = Desk()
    desk.session.expect_end(desk.now)
    desk.wait(LATE_END_WAIT - 0.01)
    assert desk.events == []
    desk.plugin_says(messages.Close(reason="bye"))
    assert desk.events == [Ended("", "bye")]
    silent = Desk()
    silent.session.expect_end(silent.now)
    silent.wait(LATE_END_WAIT)
    assert ended(silent) == [""]


def test_a_plugin_behind_a_relay_that_pings_no_more_is_dead():
    desk = Desk()
    desk.plugin_says(messages.Ping())
    assert desk.said() == [messages.Pong()]
    desk.wait(PEER_SILENT_AFTER - 0.01)
    assert desk.events == []
    desk.wait(0.01)
    assert ended(desk) == ["connection_lost"]


def test_audio_before_the_agent_has_taken_the_call_is_dropped():
    desk = Desk(accepted=False)
    desk.audio(0)
    desk.plugin_says(OPEN)
    desk.audio(1)
    assert [type(e) for e in desk.events] == [Asked]


def test_a_flood_of_audio_ends_the_call():
    desk = Desk()
    desk.audio(*range(UPLINK_BURST + 1))
    assert ended(desk) == ["flood"]


def test_a_flood_of_messages_ends_the_call():
    desk = Desk()
    for _ in range(1000):
        desk.plugin_says(messages.Playout(turn=0, played_ms=1))
    assert ended(desk) == ["flood"]


def test_a_pile_of_messages_behind_a_commit_ends_the_call():
    desk = Desk()
    desk.plugin_says(messages.Commit(turn=1, last_seq=9))
    for _ in range(70):
        desk.plugin_says(messages.Playout(turn=1, played_ms=1))
    assert ended(desk) == ["flood"]


SAID = st.one_of(
    st.binary(max_size=40),
    st.just(messages.Answered()),
    st.builds(messages.Prime, turn=st.integers(1, 4)),
    st.builds(messages.Commit, turn=st.integers(1, 6), last_seq=st.integers(-1, 40)),
    st.builds(messages.Cancel, turn=st.integers(0, 4), heard_ms=st.integers(0, 9)),
    st.builds(messages.Playout, turn=st.integers(0, 4), played_ms=st.integers(0, 9)),
)
STEPS = st.one_of(
    st.tuples(st.just("audio"), st.integers(0, 60)),
    st.tuples(st.just("says"), SAID),
    st.tuples(st.just("wait"), st.floats(0, 0.3)),
    st.tuples(st.just("speak"), st.integers(0, 5)),
)


@settings(max_examples=300)
@given(st.booleans(), st.lists(STEPS, max_size=80))
def test_whatever_it_sends_the_agent_hears_a_consistent_story(accepted, steps):
    desk = Desk(accepted)
    for step, value in steps:
        match step:
            case "audio":
                desk.audio(value)
            case "says" if isinstance(value, bytes):
                desk.events += desk.session.receive_message(value, desk.now)
            case "says":
                desk.plugin_says(value)
            case "wait":
                desk.wait(value)
            case "speak":
                desk.session.speak(value, bytes(960))
    desk.wait(100)
    position, turn = 0, 0
    for event in desk.events:
        match event:
            case CallerAudio(seq=seq, missing=missing):
                assert seq - missing >= position
                position = seq + 1
            case Committed(turn=committed, last_seq=last_seq):
                assert committed > turn
                turn, position = committed, max(position, last_seq + 1)
    assert len(ended(desk)) <= 1
    assert not desk.session.ended or isinstance(desk.events[-1], Ended)
    assert all(isinstance(f, audio.DownlinkFrame) and f.turn <= turn for f in desk.spoken())
    assert desk.session.deadline is None
