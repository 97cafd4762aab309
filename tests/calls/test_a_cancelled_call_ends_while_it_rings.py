"""CANCEL while the model is being connected: 200, 487, and nothing is left of the call."""

import pytest

from tests.peers.plugin import agent, ip_trunk

pytestmark = pytest.mark.peer("sipp")


def test_a_caller_who_gives_up_while_it_rings(plugin, silent_model, sipp):
    ringing = plugin(
        trunks={"loop": ip_trunk()},
        agents={"parrot": agent(silent_model, open_timeout_secs=20)},
        dialplan={"default": {"agent": "parrot"}},
    )

    sipp("cancel", ringing.address).wait_passed()

    call = ringing.wait_call("failed")
    assert (call["cause"], call["code"]) == ("cancelled", 487)
