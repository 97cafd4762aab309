import pytest

from bridge.leg.interface import CallFacts, HangupAsked, LegFailed, Opened, Transcript
from bridge.wire import control, messages
from bridge.wire.limits import DEAD_AFTER, LATE_END_WAIT, MAX_MESSAGE, PING_INTERVAL
from tests.leg.calls import AGENT, Leg


def test_the_gateway_learns_who_calls_whom():
    leg = Leg(opened=False)
    (asked,) = leg.said()
    assert (asked.sid, asked.caller, asked.called) == ("call-1", "1001", "2000")
    assert (asked.input_rate_hz, asked.output_rate_hz) == (16000, 24000)


def test_a_call_is_open_when_the_agent_has_taken_it():
    leg = Leg(opened=False)
    leg.gateway_says(messages.Opened())
    leg.wait(60)
    assert leg.events == [Opened()]


def test_an_agent_that_does_not_answer_in_time_is_no_agent():
    leg = Leg(opened=False)
    leg.wait(AGENT.open_timeout_secs)
    assert [e.code for e in leg.events] == ["open_timeout"]


def test_audio_waits_for_no_agent():
    leg = Leg(opened=False)
    leg.core.append(0, 0, bytes(640))
    assert leg.core.take_audio() == []
    assert leg.core.stats.uplink_unopened == 1


def test_a_phone_that_is_answered_before_the_agent_is_there_is_told_of_afterwards():
    leg = Leg(opened=False)
    leg.core.answered()
    assert [m.type for m in leg.said()] == ["open"]
    leg.gateway_says(messages.Opened())
    assert leg.said() == [messages.Answered()]


def test_a_refusal_reaches_the_bridge_with_its_code():
    leg = Leg(opened=False)
    leg.gateway_says(messages.Error(code="unknown_agent", message="there are: parrot"))
    assert leg.events == [LegFailed("unknown_agent", "there are: parrot")]


@pytest.mark.parametrize("last", [messages.Close(reason="bye"), None])
def test_a_model_that_closes_mid_word_fails_the_call_once(last):
    leg = Leg()
    leg.core.commit(1, 50)
    leg.audio(1, 0)
    if last:
        leg.gateway_says(last)
    leg.events += leg.core.receive_end(leg.now)
    leg.audio(1, 1)
    leg.wait(10)
    assert [type(e) for e in leg.events[1:]] == [LegFailed]
    assert leg.events[-1].code == "closed_early"


def test_a_gateway_that_is_done_may_say_its_last_for_a_while():
    leg = Leg()
    leg.core.expect_end(leg.now)
    leg.wait(LATE_END_WAIT - 0.01)
    leg.gateway_says(messages.Error(code="agent_failed", message="gone"))
    assert leg.events == [LegFailed("agent_failed", "gone")]
    silent = Leg()
    silent.core.expect_end(silent.now)
    silent.wait(LATE_END_WAIT)
    assert [e.code for e in silent.events] == ["closed_early"]


def test_a_gateway_behind_a_relay_is_pinged_and_its_death_noticed():
    leg = Leg(opened=False, relayed=True)
    leg.said()
    leg.gateway_says(messages.Opened())
    for _ in range(10):
        leg.wait(PING_INTERVAL)
        assert leg.said() == [messages.Ping()]
        leg.gateway_says(messages.Pong())
    leg.wait(DEAD_AFTER + PING_INTERVAL)
    assert [e.code for e in leg.events[1:]] == ["connection_lost"]


def test_after_close_nothing_is_heard_of_the_call():
    leg = Leg()
    leg.core.commit(1, 50)
    leg.said()
    leg.core.close("caller hung up")
    assert leg.said() == [messages.Close(reason="caller hung up")]
    leg.core.append(1, 320, bytes(640))
    leg.core.playout(1, 20)
    leg.audio(1, 0)
    leg.gateway_says(messages.Hangup(reason="late"))
    leg.wait(10)
    assert (leg.events, leg.said(), leg.core.take_audio()) == ([], [], [])
    assert leg.core.take_messages() == ([], True)


def test_what_the_agent_asks_for_reaches_the_bridge():
    leg = Leg()
    leg.gateway_says(
        messages.Transcript(role="agent", text="bye", turn=0, final=True),
        messages.Hangup(reason="done"),
    )
    assert leg.events == [Transcript("agent", "bye", 0, True), HangupAsked("done")]


def test_headers_of_a_hostile_phone_are_cut_to_what_the_wire_takes():
    headers = {f"X-{n}" + "h" * 300: "\udcff" + "🎵" * 5000 for n in range(100)}
    facts = CallFacts("s", "inbound", "\ud800" + "x" * 9000, "y" * 9000, headers)
    leg = Leg(opened=False, facts=facts)
    (body,), _ = leg.core.take_messages()
    assert len(body) <= MAX_MESSAGE
    asked = control.decode_from_plugin(body)
    assert len(asked.caller) == 256
    assert asked.headers


def test_turns_that_go_backwards_are_a_fault_of_the_caller_of_the_interface():
    leg = Leg()
    leg.core.commit(2, 50)
    with pytest.raises(ValueError, match="commit of turn 2"):
        leg.core.commit(2, 60)
    with pytest.raises(ValueError, match="cancel of turn 3"):
        leg.core.cancel(3, 0)
