"""The model server dies in the middle of a call, and comes back."""

import pytest

from tests.peers.plugin import agent, ip_trunk
from tests.peers.process import wait_until

pytestmark = pytest.mark.peer("sipp")


def test_the_call_ends_with_a_reason_and_later_ones_work(plugin, gateway, sipp, rtp_peer):
    lost = gateway()
    alone = plugin(
        trunks={"loop": ip_trunk()},
        agents={"parrot": agent(lost, open_timeout_secs=2)},
        dialplan={"default": {"agent": "parrot"}},
    )
    peer = rtp_peer()
    caller = sipp("call_until_bye", alone.address, rtp_port=peer.port)
    peer.send_to(caller.remote_rtp_port())
    alone.wait_call("in_progress")

    lost.stop()

    assert "cause=503" in caller.wait_passed()
    assert alone.wait_call("failed")["cause"] == "model_failed"
    sipp("refused_503", alone.address).wait_passed()
    gateway(instead_of=lost)

    def answered() -> bool:
        again = sipp("call", alone.address, rtp_port=peer.port, stay_ms=100)
        return again.process.wait(15) == 0

    wait_until(answered, "calls to work again", 15)
