from bridge.gateway.events import CallerAudio, Cancelled, Committed, Played, Primed
from bridge.wire import messages
from bridge.wire.limits import LATE_AUDIO_WAIT, REORDER_WAIT
from tests.gateway.calls import Desk


def story(desk):
    """Events, frames as their numbers."""
    return [e.seq if isinstance(e, CallerAudio) else e for e in desk.events]


def test_a_commit_after_its_audio_is_given_at_once():
    desk = Desk()
    desk.audio(0, 1, 2)
    desk.plugin_says(messages.Prime(turn=1), messages.Commit(turn=1, last_seq=2))
    assert story(desk) == [0, 1, 2, Primed(1), Committed(1, 2, missing=0)]


def test_a_commit_that_overtakes_its_audio_waits_for_it():
    desk = Desk()
    desk.audio(0)
    desk.plugin_says(messages.Commit(turn=1, last_seq=2))
    desk.wait(0.05)
    desk.audio(1)
    assert story(desk) == [0, 1]
    desk.audio(2)
    assert story(desk) == [0, 1, 2, Committed(1, 2, missing=0)]
    assert desk.session.stats.commits_waited == 1


def test_lost_audio_delays_the_commit_only_for_a_while():
    desk = Desk()
    desk.audio(0)
    desk.plugin_says(messages.Commit(turn=1, last_seq=3))
    desk.wait(LATE_AUDIO_WAIT - 0.001)
    assert story(desk) == [0]
    desk.wait(0.001)
    assert story(desk) == [0, Committed(1, 3, missing=3)]
    desk.audio(2, 4)
    assert story(desk) == [0, Committed(1, 3, missing=3), 4]


def test_audio_after_the_turn_follows_its_commit():
    desk = Desk()
    desk.audio(0)
    desk.plugin_says(messages.Commit(turn=1, last_seq=2))
    desk.audio(3, 2, 4)
    desk.wait(REORDER_WAIT)
    assert story(desk) == [0, 2, Committed(1, 2, missing=1), 3, 4]
    assert [e.missing for e in desk.events if isinstance(e, CallerAudio)] == [0, 1, 0, 0]


def test_a_gap_at_the_end_of_the_turn_is_part_of_it():
    desk = Desk()
    desk.audio(0)
    desk.plugin_says(messages.Commit(turn=1, last_seq=1))
    desk.audio(2)
    desk.wait(REORDER_WAIT)
    assert story(desk) == [0, Committed(1, 1, missing=1), 2]


def test_a_commit_before_any_audio_is_given_at_once():
    desk = Desk()
    desk.plugin_says(messages.Commit(turn=1, last_seq=-1))
    assert story(desk) == [Committed(1, -1, missing=0)]


def test_a_cancel_does_not_wait_behind_a_commit_and_other_messages_do():
    desk = Desk()
    desk.audio(0)
    desk.plugin_says(messages.Commit(turn=1, last_seq=9), messages.Playout(turn=0, played_ms=20))
    assert story(desk) == [0]
    desk.plugin_says(messages.Cancel(turn=1, heard_ms=20))
    assert story(desk)[1:] == [Committed(1, 9, missing=9), Played(0, 20), Cancelled(1, 20)]


def test_a_commit_that_is_taken_back_while_it_waits_costs_no_audio():
    desk = Desk()
    desk.audio(0)
    desk.plugin_says(messages.Commit(turn=1, last_seq=2), messages.Cancel(turn=1, heard_ms=0))
    desk.audio(1, 2, 3)
    desk.plugin_says(messages.Commit(turn=2, last_seq=3))
    assert story(desk) == [0, 1, 2, 3, Committed(2, 3, missing=0)]


def test_missing_frames_are_counted_from_commit_to_commit():
    desk = Desk()
    desk.audio(0, 2)
    desk.wait(REORDER_WAIT)
    desk.plugin_says(messages.Commit(turn=1, last_seq=2))
    desk.audio(3, 4)
    desk.plugin_says(messages.Commit(turn=2, last_seq=4))
    assert [e.missing for e in desk.events if isinstance(e, Committed)] == [1, 0]
