"""Asterisk as the trunk, both ways; its own recordings prove that the agent's audio arrived."""

import json

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent

pytestmark = pytest.mark.peer("asterisk")


@pytest.fixture
def said(asterisk):
    pcm = speech.load("turn_1")
    asterisk.add_prompt("turn", pcm)
    return pcm


@pytest.fixture
def registered(plugin, asterisk, model):
    """The plugin, registered with Asterisk as 1001."""
    account = {
        "domain": asterisk.address,
        "sip_username": "1001",
        "sip_password": PASSWORD,
        "max_ring_secs": 2,
    }
    started = plugin(
        trunks={"main": account},
        agents={
            "parrot": agent(model),
            "greeter": agent(model, "greeter", greets_first=True),
        },
        dialplan={"default": {"agent": "parrot"}},
    )
    yield started
    asterisk.wait_no_channels()


def test_an_inbound_call_is_answered_by_the_agent(registered, asterisk, said):
    placed = asterisk.originate("1001", prompt="turn", listen_secs=4)

    call = registered.wait_ended(registered.wait_call("completed", timeout_secs=20)["sid"])

    assert call["direction"] == "inbound"
    assert "15557650000" in call["caller"]
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)


def test_digits_reach_the_call_as_events(registered, asterisk):
    asterisk.originate("1001", digits="159#", listen_secs=1)

    call = registered.wait_ended(registered.wait_call("completed", timeout_secs=20)["sid"])

    events = registered.events(call["sid"])
    assert [e["data"]["digit"] for e in events if e["event"] == "dtmf"] == list("159#")


def test_an_outbound_call_reaches_a_person_who_speaks(registered, asterisk, said):
    """Asterisk answers, says a sentence and records what the agent says to it."""
    done = registered.start_command(
        registered.process.folder, "call", "talk-turn", "--agent", "parrot", "--json"
    )
    call = registered.wait_call("in_progress")
    events = done.wait_for('"reply_end"', 20)
    assert events
    assert registered.ask("DELETE", f"/v1/calls/{call['sid']}")[0] == 202

    assert done.wait(10) == 0
    spoken_ms = assert_heard(said, asterisk.last_recording("tx")) + duration_ms(said)
    assert_heard(said, asterisk.last_recording("rx"), after_ms=spoken_ms)


def test_the_echo_of_an_outbound_call_comes_back(registered, asterisk):
    """The agent greets, Asterisk's echo returns the greeting to it."""
    following = registered.start_command(
        registered.process.folder, "call", "echo", "--agent", "greeter", "--json"
    )
    call = registered.wait_call("in_progress")
    following.wait_for('"reply_end"', 20)
    registered.ask("DELETE", f"/v1/calls/{call['sid']}")

    assert following.wait(10) == 0
    lines = [json.loads(text) for text in following.output().splitlines() if text[:1] == "{"]
    states = [row["data"]["state"] for row in lines if row["event"] == "state"]
    assert states[0] == "dialing"
    assert states[-2:] == ["in_progress", "completed"]
    record = registered.record()
    echo, greeting = record[:, 0], record[:, 1]
    # The first second and a half: the echo may be cut off where the call is.
    begins = next(index for index, sample in enumerate(greeting) if abs(int(sample)) > 300)
    assert_heard(greeting[begins : begins + 8000], echo[begins:])


@pytest.mark.parametrize(("extension", "code"), [("busy", 486), ("unavail", 480), ("reject", 403)])
def test_a_refused_outbound_call_says_with_which_code(registered, asterisk, extension, code):
    done = registered.command("call", extension, "--agent", "parrot")

    assert done.returncode == 3, done.stdout + done.stderr
    assert str(code) in done.stdout + done.stderr
    assert registered.calls()[0]["code"] == code


def test_a_phone_that_nobody_answers_rings_for_max_ring_secs(registered, asterisk):
    done = registered.command("call", "ring", "--agent", "parrot")

    assert done.returncode == 4, done.stdout + done.stderr
    assert registered.calls()[0]["state"] == "no_answer"
