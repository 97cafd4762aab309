"""Plugin and model server meet at a MoQT relay that we did not write."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.plugin import TOKEN, ip_trunk

pytestmark = pytest.mark.peer("sipp")


@pytest.mark.parametrize("delivery", ["datagram", "stream"])
def test_the_parrot_behind_a_relay_repeats_what_the_caller_said(
    relay, gateway, plugin, sipp, rtp_peer, delivery
):
    server = gateway("--relay", relay.endpoint, "--relay-ca", str(relay.ca_file))
    server.process.wait_for("relay .*: connected", 20)
    parrot = {
        "endpoint": relay.endpoint,
        "agent": "parrot",
        "token": TOKEN,
        "audio_delivery": delivery,
        "tls": {"ca_file": str(relay.ca_file)},
    }
    line = plugin(
        trunks={"main": ip_trunk()},
        agents={"parrot": parrot},
        dialplan={"routes": [{"number": "+15551234567", "agent": "parrot"}]},
    )
    said = speech.load("turn_1")
    peer = rtp_peer()
    caller = sipp("call", line.address, rtp_port=peer.port, formats=peer.formats, stay_ms=6500)
    peer.send_to(caller.remote_rtp_port())
    sid = line.wait_call("in_progress")["sid"]
    peer.say(said)
    spoken_ms = peer.wait_said() / 8

    caller.wait_passed()

    assert_heard(said, peer.heard(), after_ms=spoken_ms)
    assert line.wait_ended(sid)["cause"] == "caller_hangup"
