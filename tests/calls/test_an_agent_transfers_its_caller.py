"""Transfers by Asterisk, asked for by an agent: the caller hears the target, or the agent again."""

import numpy as np
import pytest

from bridge.gateway.greeter import chime
from sip_plugin.demo import speech
from tests.calls.desks import start_desk
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD
from tests.peers.waves import find

pytestmark = pytest.mark.peer("asterisk")


@pytest.fixture(scope="module")
def desk(ports, tmp_path_factory):
    """The agent's table, and the process."""
    table, process = start_desk(ports, tmp_path_factory.mktemp("desk"))
    yield table, process
    process.stop()


@pytest.fixture
def line_to_desk(plugin, asterisk, desk):
    said = speech.load("turn_1")
    # Long enough for whoever joins in the middle of it.
    asterisk.add_prompt("turn", np.tile(said, 3))
    account = {
        "domain": asterisk.address,
        "sip_username": "1001",
        "sip_password": PASSWORD,
        "max_ring_secs": 5,
    }
    started = plugin(
        trunks={"main": account},
        agents={"desk": desk[0]},
        dialplan={"default": {"agent": "desk"}},
    )
    yield started
    asterisk.wait_no_channels(20)


def events(plugin, sid, name):
    return [event["data"] for event in plugin.events(sid) if event["event"] == name]


def first_call(plugin):
    """The one that came in; consultations go out."""
    return plugin.process.wait_until(
        lambda: next(iter(plugin.calls(direction="inbound")), None), "a call", 15
    )


def assert_the_agent_is_heard(placed) -> None:
    """The chime that the desk plays when a transfer came to nothing."""
    _, likeness = find(chime(8000)[:6000].astype(np.int16), placed.recording("rx"))
    assert likeness > 0.6


def test_a_blind_transfer_connects_the_caller_with_the_target(line_to_desk, asterisk):
    placed = asterisk.originate(dial="1001", digits="1", listen_secs=6)
    sid = first_call(line_to_desk)["sid"]
    call = line_to_desk.wait_ended(sid)
    assert (call["cause"], call["ended_by"]) == ("transferred", "agent")
    asterisk.wait_no_channels(20)
    assert_heard(speech.load("turn_1"), placed.recording("rx"))


def test_a_blind_transfer_that_is_refused_gives_the_caller_back(line_to_desk, asterisk):
    placed = asterisk.originate(dial="1001", digits="2", listen_secs=4)
    call = line_to_desk.wait_ended(first_call(line_to_desk)["sid"], 25)
    assert call["cause"] == "caller_hangup"
    (failed,) = events(line_to_desk, call["sid"], "transfer_failed")
    assert failed["code"] == 404
    assert_the_agent_is_heard(placed)


def test_an_attended_transfer_connects_the_caller_with_the_target(line_to_desk, asterisk):
    placed = asterisk.originate(dial="1001", digits="4", listen_secs=8)
    sid = first_call(line_to_desk)["sid"]
    call = line_to_desk.wait_ended(sid, 25)
    assert (call["cause"], call["ended_by"]) == ("transferred", "agent")
    states = [data["state"] for data in events(line_to_desk, sid, "transfer_progress")]
    assert states[0] == "trying" and "answered" in states
    asterisk.wait_no_channels(20)
    assert line_to_desk.running_calls() == []
    assert_heard(speech.load("turn_1"), placed.recording("rx"))


def test_a_transfer_that_is_given_up_gives_the_caller_back(line_to_desk, asterisk):
    placed = asterisk.originate(dial="1001", digits="5", listen_secs=8)
    sid = first_call(line_to_desk)["sid"]
    call = line_to_desk.wait_ended(sid, 25)
    assert call["cause"] == "caller_hangup"
    states = [data["state"] for data in events(line_to_desk, sid, "transfer_progress")]
    assert states[-1] == "cancelled"
    directions = [data["direction"] for data in events(line_to_desk, sid, "media_started")]
    assert (directions[0], directions[-1]) == ("sendrecv", "sendrecv") and len(directions) > 2
    assert_the_agent_is_heard(placed)


def test_a_busy_target_gives_the_caller_back(line_to_desk, asterisk):
    placed = asterisk.originate(dial="1001", digits="6", listen_secs=6)
    sid = first_call(line_to_desk)["sid"]
    call = line_to_desk.wait_ended(sid, 25)
    assert call["cause"] == "caller_hangup"
    (failed,) = events(line_to_desk, sid, "transfer_failed")
    assert failed["code"] == 486
    assert_the_agent_is_heard(placed)
