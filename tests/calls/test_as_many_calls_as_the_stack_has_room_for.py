"""The room of the stock pjsua2 is 4 calls; of an own build, as many as a shared machine holds."""

import json

import pytest

from sip_plugin.sip.build import probe
from tests.peers.plugin import agent, ip_trunk

pytestmark = pytest.mark.peer("sipp")

MANY = 64
"""More than the accounts, handles and calls of a stock build."""


def test_every_call_that_there_is_room_for_is_held_and_one_more_is_busy(plugin, model, sipp, ports):
    room = min(probe().calls, MANY)
    rtp = ports.block(2)
    full = plugin(
        sip={"max_calls": room},
        trunks={"loop": ip_trunk()},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot"}},
        media={"rtp_start_port": rtp.start, "rtp_end_port": rtp.stop - 1, "record_dir": ""},
        service={"log_level": "info"},
    )
    before = full.processes()["sip"]["pid"]

    held = sipp("call", full.address, calls=room, rate=10, stay_ms=10_000)
    full.process.wait_until(
        lambda: len(full.calls(state="in_progress")) == room, f"{room} calls to be held", 20
    )
    sipp("refused_486", full.address).wait_passed()

    held.wait_passed()
    full.process.wait_until(lambda: not full.running_calls(), "all of them to end")
    ended = full.calls()
    assert [call["state"] for call in ended] == ["completed"] * room, json.dumps(ended[:3])
    assert full.processes()["sip"]["pid"] == before
    sipp("call", full.address, stay_ms=100).wait_passed()
