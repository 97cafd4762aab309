"""SIGTERM: new calls are refused, running ones may end in peace, for drain_secs at most."""

import re

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.plugin import agent, ip_trunk

pytestmark = pytest.mark.peer("sipp")


@pytest.fixture
def draining(plugin, model):
    def start(drain_secs: float):
        return plugin(
            trunks={"loop": ip_trunk()},
            agents={"parrot": agent(model)},
            dialplan={"default": {"agent": "parrot"}},
            service={"drain_secs": drain_secs},
        )

    return start


def test_a_running_call_goes_on_and_new_ones_are_told_when_to_return(draining, sipp, rtp_peer):
    plugin = draining(drain_secs=20)
    said = speech.load("turn_1")
    peer = rtp_peer()
    caller = sipp("call", plugin.address, rtp_port=peer.port, stay_ms=7500)
    peer.send_to(caller.remote_rtp_port())

    plugin.drain()
    plugin.process.wait_until(lambda: not plugin.is_ready(), "it to be draining")

    refused = sipp("refused_503", plugin.address).wait_passed()
    assert re.search(r"RETRY-AFTER .*\d+", refused), refused
    peer.say(said)
    spoken_ms = peer.wait_said() / 8
    caller.wait_passed()
    assert_heard(said, peer.heard(), after_ms=spoken_ms)
    assert plugin.process.wait(10) == 0


def test_a_call_that_outlasts_the_drain_is_ended(draining, sipp, rtp_peer):
    plugin = draining(drain_secs=1)
    peer = rtp_peer()
    caller = sipp("call_until_bye", plugin.address, rtp_port=peer.port)
    peer.send_to(caller.remote_rtp_port())
    plugin.wait_call("in_progress")

    plugin.drain()

    assert "BYE" in caller.wait_passed()
    assert 'Reason: SIP;cause=503;text="the plugin stops"' in caller.messages()
    assert plugin.process.wait(10) == 0
    assert "(shutdown, by plugin)" in plugin.process.output()
