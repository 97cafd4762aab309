"""183 with audio of ours: a ringback tone, or the agent's greeting, and then the call."""

import numpy as np
import pytest

from bridge.gateway.greeter import chime
from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.plugin import agent, ip_trunk
from tests.peers.waves import find, goertzel, level_dbfs

pytestmark = pytest.mark.peer("sipp")


@pytest.fixture
def call(plugin, model, sipp, rtp_peer):
    """Make a call whose route has this early media; what was heard, and the call."""

    def run(early_media: str, agent_name: str):
        called = plugin(
            trunks={"loop": ip_trunk()},
            agents={"one": agent(model, agent_name, greets_first=agent_name == "greeter")},
            dialplan={"default": {"agent": "one", "ring_secs": 2.5, "early_media": early_media}},
        )
        said = speech.load("turn_1")
        peer = rtp_peer()
        caller = sipp("early", called.address, rtp_port=peer.port, stay_ms=6000)
        peer.send_to(int(caller.wait_said(r"EARLY (\d+)")[1]))
        caller.remote_rtp_port()
        before = peer.heard()
        peer.say(said)
        spoken_ms = peer.wait_said() / 8
        caller.wait_passed()
        assert_heard(said, peer.heard(), after_ms=spoken_ms)
        ended = called.wait_ended(called.calls()[0]["sid"])
        names = [event["event"] for event in called.events(ended["sid"])]
        assert names.index("early_media") < names.index("media_started")
        return before

    return run


def test_a_ringback_tone(call):
    before = call("ringback", "parrot")
    ring = before[800:8800]
    assert -25 < level_dbfs(ring) < -15
    assert goertzel(ring, 440) + goertzel(ring, 480) > 0.8


def test_the_greeting_of_the_agent(call):
    before = call("greeting", "greeter")
    _, likeness = find(chime(8000)[:6000].astype(np.int16), before)
    assert likeness > 0.6
