"""Behind a router that masquerades: the phone, the plugin, the plugin with forwarded ports. Both
sides are heard each time, and no stranger is."""

import random
import socket
import struct
import time

import numpy as np
import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD, Asterisk, check_asterisk
from tests.peers.network import PRIVATE, PUBLIC, ROUTER, NatNetwork, check_network
from tests.peers.plugin import Gateway, Plugin, agent
from tests.peers.process import wait_until
from tests.peers.rtp_peer import RtpPeer
from tests.peers.sipp import Sipp, check_sipp

NUMBER = "+15551234567"


@pytest.fixture
def network():
    check_network()
    network = NatNetwork()
    yield network
    network.close()


def started(ports, folder, host: str, trunk: dict, **sip) -> tuple[Plugin, Gateway]:
    """A plugin at `host`, and its model beside it."""
    (folder / "model").mkdir()
    model = Gateway(ports, folder / "model")
    port = sip.pop("port", None) or ports.one()
    rtp = sip.pop("media_ports", None) or ports.block()
    media = {"rtp_start_port": rtp[0], "rtp_end_port": rtp[-1]}
    line = Plugin(
        ports,
        folder / "plugin",
        {
            "sip": {"bind": f"{host}:{port}", **sip},
            "media": {"bind_address": host, **media},
            "trunks": {"main": trunk},
            "agents": {"parrot": agent(model)},
            "dialplan": {
                "default": {"agent": "parrot"},
                "outbound": {"allow": ["_."]},
            },
        },
    )
    line.sip_port = port
    return line, model


def test_a_phone_behind_a_router_hears_and_is_heard(network, ports, tmp_path):
    check_sipp()
    (tmp_path / "plugin").mkdir()
    (tmp_path / "sipp").mkdir()
    said = speech.load("turn_1")
    trunk = {"domain": ROUTER, "require_registration": False, "allow_from": [ROUTER]}
    with network.inside("public"):
        line, model = started(ports, tmp_path, PUBLIC, trunk)
        line.wait_ready()
    with network.inside("private"):
        phone = RtpPeer(ports, address=PRIVATE)
        sipp = Sipp(
            *(ports, tmp_path / "sipp", "call_behind_nat", f"{PUBLIC}:{line.sip_port}", NUMBER),
            rtp_port=phone.port,
            stay_ms=9000,
            source=PRIVATE,
        )
    port = sipp.remote_rtp_port()
    phone.send_to(port, PUBLIC)
    wait_until(lambda: phone.packets > 20, "the plugin's audio to find its way")
    with network.inside("public"):
        stranger = _speak_as_a_stranger(port)
    phone.say(said)
    sid = line.wait_call("in_progress")["sid"]
    line.wait_event(sid, "reply_end")
    sipp.wait_passed()
    ended = line.wait_ended(sid)
    heard = phone.heard()
    phone.close()
    line.stop()
    model.stop()

    assert ended["cause"] == "caller_hangup"
    assert_heard(said, heard)
    assert_heard(said, line_record(line))
    # The phone's own first packet may count: of an unexpected source two in sequence are wanted.
    assert stranger <= ended["report"]["rtp"]["foreign_source"] <= stranger + 2


def test_our_requests_reach_a_phone_behind_a_router(network, ports, tmp_path):
    """Re-INVITE and BYE, though its Contact is private and nobody rewrote it."""
    check_sipp()
    (tmp_path / "plugin").mkdir()
    (tmp_path / "sipp").mkdir()
    trunk = {"domain": ROUTER, "require_registration": False, "allow_from": [ROUTER]}
    with network.inside("public"):
        line, model = started(ports, tmp_path, PUBLIC, trunk)
        line.wait_ready()
    with network.inside("private"):
        phone = RtpPeer(ports, address=PRIVATE)
        sipp = Sipp(
            *(ports, tmp_path / "sipp", "held_behind_nat", f"{PUBLIC}:{line.sip_port}", NUMBER),
            rtp_port=phone.port,
            source=PRIVATE,
        )
    phone.send_to(sipp.remote_rtp_port(), PUBLIC)
    sid = line.wait_call("in_progress")["sid"]
    assert line.ask("POST", f"/v1/calls/{sid}/hold")[0] == 202
    sipp.wait_said("HELD")
    line.wait_event(sid, "media_started", direction="sendonly")
    assert line.ask("POST", f"/v1/calls/{sid}/resume")[0] == 202
    sipp.wait_said("RESUMED")
    line.wait_event(sid, "media_started", count=2, direction="sendrecv")
    line.ask("DELETE", f"/v1/calls/{sid}")
    sipp.wait_passed()
    assert line.wait_ended(sid)["state"] == "completed"
    asked = [text for text in sipp.messages().split("\n\n") if "BYE sip:" in text]
    assert asked and not any("hide" in text or "Route:" in text for text in asked)
    phone.close()
    line.stop()
    model.stop()


def _speak_as_a_stranger(port: int) -> int:
    """Valid packets in sequence from another address, to whoever takes them for the phone's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(25):
            header = struct.pack("!BBHII", 0x80, 0, number, number * 160, 99)
            sender.sendto(header + random.randbytes(160), (PUBLIC, port))
            time.sleep(0.002)
    return 25


def line_record(line: Plugin) -> np.ndarray:
    """What the plugin heard of the caller."""
    return line.record()[:, 0]


def test_a_plugin_behind_a_router_is_called_and_calls(network, ports, tmp_path):
    check_asterisk()
    (tmp_path / "plugin").mkdir()
    said = speech.load("turn_1")
    with network.inside("public"):
        asterisk = Asterisk(ports, tmp_path, PUBLIC)
        asterisk.add_prompt("nat", said)
    trunk = {
        "domain": asterisk.address,
        "sip_username": "1001",
        "sip_password": PASSWORD,
    }
    with network.inside("private"):
        line, model = started(ports, tmp_path, PRIVATE, trunk)
        line.wait_ready()
    try:
        # By rport (RFC 3581) the plugin learns what it is called outside, and registers that.
        wait_until(
            lambda: any(ROUTER in contact for contact in asterisk.contacts("1001")),
            "the router's address to be registered",
        )
        call = asterisk.originate(prompt="nat")
        sid = line.wait_call("in_progress")["sid"]
        line.wait_event(sid, "reply_end")
        line.wait_ended(sid)
        assert_heard(said, call.recording("tx"))
        assert_heard(said, call.recording("rx"))

        status, placed = line.ask("POST", "/v1/calls", {"number": "talk-nat", "agent": "parrot"})
        assert status == 201, placed
        line.wait_event(placed["sid"], "reply_end")
        line.ask("DELETE", f"/v1/calls/{placed['sid']}")
        assert line.wait_ended(placed["sid"])["state"] == "completed"
        asterisk.wait_no_channels()
        assert_heard(said, asterisk.last_recording("tx"))
        assert_heard(said, asterisk.last_recording("rx"))
    finally:
        line.stop()
        model.stop()
        asterisk.stop()


def test_forwarded_ports_need_nothing_of_the_far_side(ports, tmp_path):
    """A far side without symmetric RTP, that sends where the SDP says."""
    check_network()
    check_sipp()
    block = ports.block(2)
    network = NatNetwork(forwarded=block)
    (tmp_path / "plugin").mkdir()
    (tmp_path / "sipp").mkdir()
    said = speech.load("turn_1")
    trunk = {"domain": PUBLIC, "require_registration": False, "allow_from": [PUBLIC]}
    with network.inside("private"):
        line, model = started(
            *(ports, tmp_path, PRIVATE, trunk),
            port=block.start,
            public_address=ROUTER,
            media_ports=block[10:],
        )
        line.wait_ready()
    with network.inside("public"):
        phone = RtpPeer(ports, address=PUBLIC)
        sipp = Sipp(
            *(ports, tmp_path / "sipp", "call_behind_nat", f"{ROUTER}:{block.start}", NUMBER),
            rtp_port=phone.port,
            stay_ms=9000,
            source=PUBLIC,
        )
    port = sipp.remote_rtp_port()
    assert f"c=IN IP4 {ROUTER}" in sipp.messages()
    assert f"@{ROUTER}:{block.start}" in sipp.messages()
    phone.send_to(port, ROUTER)
    phone.say(said)
    sid = line.wait_call("in_progress")["sid"]
    line.wait_event(sid, "reply_end")
    sipp.wait_passed()
    line.wait_ended(sid)
    heard = phone.heard()
    phone.close()
    line.stop()
    model.stop()
    network.close()
    assert_heard(said, heard)
