from itertools import pairwise

from bridge.leg.interface import Noticed, ReplyAudio
from bridge.wire import messages
from bridge.wire.errors import ErrorCode
from bridge.wire.limits import (
    ANSWER_WAIT,
    ASK_PAUSE,
    DEAD_AFTER,
    MAX_GAP_FRAMES,
    PING_INTERVAL,
    TAKEN_WAIT,
)
from tests.leg.calls import Leg

SECS = 10
MISSED = DEAD_AFTER + 2 * PING_INTERVAL


def taken() -> Leg:
    """A call that a gateway behind a relay has taken, and keeps for a while."""
    leg = Leg(opened=False, relayed=True)
    leg.gateway_says(messages.Opened(resume="the token", resume_secs=SECS))
    leg.said()
    leg.events.clear()
    return leg


def attempts(leg: Leg, secs: float) -> list[float]:
    """When it asks on new tracks, as the shell makes them whenever it wants some."""
    until, made = leg.now + secs, []
    while leg.now < until:
        leg.wait(0.1)
        if leg.core.asks_anew:
            leg.core.resume(leg.now)
            made.append(leg.now)
    return made


def lost() -> Leg:
    leg = taken()
    leg.wait(MISSED)
    assert leg.core.lost and leg.core.asks_anew
    leg.said()
    return leg


def test_it_asks_on_other_tracks_again_and_again_and_gives_up_in_the_end():
    leg = lost()
    made = attempts(leg, SECS + 1)
    assert leg.core.attempt == len(made) == SECS / ANSWER_WAIT
    assert all(later - sooner >= ANSWER_WAIT for sooner, later in pairwise(made))
    assert [event.code for event in leg.events] == ["connection_lost"]
    assert leg.core.stats.breaks == 1


def test_each_attempt_says_open_with_the_token_and_nothing_else():
    leg = lost()
    leg.core.commit(1, 50)
    for _ in range(2):
        leg.core.resume(leg.now)
        (asked,) = leg.said()
        assert asked.again.token == "the token" and asked.again.committed == 0
        leg.wait(ANSWER_WAIT)


def test_an_answer_ends_the_break():
    leg = lost()
    leg.core.resume(leg.now)
    leg.said()
    leg.core.commit(1, -1)
    leg.gateway_says(messages.Resumed(received=1, next_seq=0))
    assert [event.code for event in leg.events] == ["connection_resumed"]
    leg.core.take_audio()
    assert messages.Commit(turn=1, last_seq=-1) in leg.said()
    assert attempts(leg, 1) == [] and not leg.core.lost


def test_a_gateway_that_has_taken_the_tracks_is_given_time_to_answer():
    leg = lost()
    leg.core.resume(leg.now)
    leg.core.taken(leg.now)
    assert attempts(leg, TAKEN_WAIT - 0.2) == []
    assert len(attempts(leg, 0.4)) == 1


def test_a_refusal_is_no_answer():
    for refuse in (
        lambda leg: leg.core.refused(ErrorCode.TOO_MANY_CALLS, "no", leg.now),
        lambda leg: leg.core.receive_end(leg.now),
        lambda leg: leg.core.expect_end(leg.now),
        lambda leg: leg.gateway_says(messages.Error(code="duplicate_call", message="not yet")),
    ):
        leg = lost()
        leg.core.resume(leg.now)
        refuse(leg)
        assert attempts(leg, ASK_PAUSE - 0.1) == []
        assert len(attempts(leg, 0.2)) == 1
        assert leg.events == []


def test_a_refusal_is_no_message_that_was_taken():
    leg = lost()
    leg.core.resume(leg.now)
    (asked,) = leg.said()
    leg.gateway_says(messages.Error(code="duplicate_call", message="not yet"))
    leg.core.resume(leg.now)
    (later,) = leg.said()
    assert later.again.received == asked.again.received == 1


def test_what_will_not_change_fails_the_call():
    leg = lost()
    leg.core.resume(leg.now)
    leg.events += leg.core.refused(ErrorCode.UNAUTHORIZED, "no", leg.now)
    assert [event.code for event in leg.events] == ["unauthorized"]


def test_the_end_of_the_gateways_tracks_is_a_break_when_it_said_no_last_word():
    leg = taken()
    leg.events += leg.core.receive_end(leg.now)
    assert leg.core.asks_anew and leg.events == []
    late = taken()
    late.core.expect_end(late.now)
    late.gateway_says(messages.Close(reason="done"))
    assert [event.code for event in late.events] == ["closed_early"]


def test_no_audio_of_an_old_reply_is_heard_after_a_break():
    leg = taken()
    leg.core.commit(1, -1)
    leg.said()
    leg.audio(1, 0)
    leg.wait(MISSED)
    leg.core.cancel(1, 20)
    leg.core.resume(leg.now)
    leg.gateway_says(messages.Resumed(received=2, next_seq=0))
    leg.audio(1, 1)
    leg.core.commit(2, -1)
    leg.audio(1, 2)
    leg.audio(2, 0)
    heard = [(e.turn, e.seq) for e in leg.events if isinstance(e, ReplyAudio)]
    assert heard == [(1, 0), (2, 0)]
    assert leg.core.stats.fenced == 2


def test_what_was_on_its_way_when_the_path_broke_is_no_part_of_the_bound_on_the_break():
    leg = taken()
    seqs = iter(range(100_000))

    def speak() -> list[int]:
        seq = next(seqs)
        leg.core.append(seq, 320 * seq, bytes(640))
        return [frame.seq for frame in leg.core.take_audio()]

    for _ in range(250):
        speak()
    leg.core.lose(leg.now)
    for _ in range(MAX_GAP_FRAMES):
        assert speak() == []
    leg.core.resume(leg.now)
    leg.gateway_says(messages.Resumed(received=1, next_seq=160))
    said: list[int] = []
    while leg.core.behind:
        said += speak()
    assert said == list(range(160, 160 + len(said)))
    assert leg.core.stats.uplink_shed == 0


def test_a_call_on_hold_is_pinged_while_it_catches_up():
    leg = taken()
    for seq in range(40):
        leg.core.append(seq, 320 * seq, bytes(640))
    leg.core.take_audio()
    leg.wait(MISSED)
    leg.core.resume(leg.now)
    leg.said()
    leg.gateway_says(messages.Resumed(received=1, next_seq=0))
    leg.core.commit(1, 39)
    leg.wait(PING_INTERVAL)
    leg.core.take_audio()
    assert {message.type for message in leg.said()} == {"ping"}, "the commit follows the audio"
    assert [type(event) for event in leg.events] == [Noticed]
