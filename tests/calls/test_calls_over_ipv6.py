"""All over ::1: registration, calls both ways, and both sides are heard. A build of the SIP stack
that cannot do it says so at the start."""

import pytest

from sip_plugin.demo import speech
from sip_plugin.sip.build import probe
from tests.calls.hearing import assert_heard, duration_ms
from tests.peers.asterisk import PASSWORD
from tests.peers.dns_server import DnsServer, check_dns_server
from tests.peers.plugin import agent
from tests.peers.rtp_peer import RtpPeer


@pytest.fixture(scope="module")
def can() -> bool:
    return probe().ipv6


@pytest.fixture
def line_v6(plugin, ports, model, can):
    def start(sip=None, **trunk):
        bind = f"[::1]:{ports.one()}"
        started = plugin(
            ready=can,
            sip={"bind": bind, **(sip or {})},
            media={"bind_address": "::1"},
            trunks={"main": trunk},
            agents={"parrot": agent(model)},
            dialplan={"default": {"agent": "parrot"}},
        )
        return started, bind

    return start


def assert_it_says_why_not(started) -> None:
    """Of a build without IPv6."""
    started.process.wait_for("sip.bind is IPv6, which the installed pjsua2 cannot use", 20)
    started.stop(well=False)


@pytest.mark.peer("sipp")
def test_a_phone_calls(line_v6, sipp, ports, can):
    line, bind = line_v6(domain="[::1]:9", require_registration=False, allow_from=["::1/128"])
    if not can:
        return assert_it_says_why_not(line)
    said = speech.load("turn_1")
    peer = RtpPeer(ports, address="::1")
    caller = sipp("call_ipv6", bind, rtp_port=peer.port, stay_ms=8000, source="::1")
    peer.send_to(caller.remote_rtp_port(), "::1")
    assert "c=IN IP6 ::1" in caller.messages().partition("SIP/2.0 200")[2]
    peer.say(said)
    spoken_ms = peer.wait_said() / 8
    caller.wait_passed()
    peer.close()
    assert_heard(said, peer.heard(), after_ms=spoken_ms)
    assert line.calls()[0]["cause"] == "caller_hangup"


@pytest.mark.peer("asterisk")
def test_asterisk_takes_the_registration_and_calls_go_both_ways(line_v6, asterisk, can):
    said, other = speech.load("turn_1"), speech.load("turn_2")
    asterisk.add_prompt("turn", said)
    asterisk.add_prompt("other", other)
    line, _ = line_v6(domain=asterisk.address_v6, sip_username="1004", sip_password=PASSWORD)
    if not can:
        return assert_it_says_why_not(line)
    line.wait_trunk("main", "registered")
    placed = asterisk.originate("1004", prompt="turn", listen_secs=4)
    call = line.wait_ended(line.wait_call("completed", timeout_secs=20)["sid"])
    assert call["direction"] == "inbound"
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)
    asked = {"number": "talk-other", "agent": "parrot"}
    sid = line.ask("POST", "/v1/calls", asked)[1]["sid"]
    line.wait_event(sid, "reply_end")
    line.ask("DELETE", f"/v1/calls/{sid}")
    assert line.wait_ended(sid)["cause"] == "plugin_hangup"
    asterisk.wait_no_channels(20)
    assert_heard(other, asterisk.last_recording("rx"))


@pytest.mark.peer("asterisk")
@pytest.mark.parametrize("by", ["SRV", "AAAA"])
def test_a_trunk_by_name_is_looked_up_for_ipv6(line_v6, asterisk, tmp_path, can, by):
    """Though it has an IPv4 address too."""
    check_dns_server()
    asterisk.add_prompt("turn", speech.load("turn_1"))
    port = asterisk.address_v6.rpartition(":")[2]
    hosts = {"sip1.provider.test": "127.0.0.1,::1"}
    server = DnsServer(
        tmp_path / "dns", hosts, [("_sip._udp.provider.test", "sip1.provider.test", port, 10, 5)]
    )
    try:
        line, _ = line_v6(
            sip={"nameservers": [server.address]},
            domain="provider.test" if by == "SRV" else f"sip1.provider.test:{port}",
            sip_username="1004",
            sip_password=PASSWORD,
        )
        if not can:
            return assert_it_says_why_not(line)
        line.wait_trunk("main", "registered")
        assert server.asked("sip1.provider.test", "AAAA")
        asterisk.originate("1004", prompt="turn", listen_secs=1)
        call = line.wait_call("completed", timeout_secs=20)
        assert call["direction"] == "inbound", "from an address that the name leads to"
        assert_called(line)
    finally:
        server.stop()


@pytest.mark.peer("asterisk")
@pytest.mark.parametrize("host", ["[::1]", "sip1.provider.test"])
def test_signalling_and_audio_are_encrypted(line_v6, asterisk, ports, tmp_path, can, host):
    check_dns_server()
    said = speech.load("turn_1")
    asterisk.add_prompt("turn", said)
    server = DnsServer(tmp_path / "dns", {"sip1.provider.test": "127.0.0.1,::1"})
    try:
        line, _ = line_v6(
            sip={
                "nameservers": [server.address],
                "bind_tls": f"[::1]:{ports.one()}",
                "tls": {"ca_file": str(asterisk.ca_file)},
            },
            domain=f"{host}:{asterisk.tls_port}",
            transport="tls",
            srtp="required",
            sip_username="1005",
            sip_password=PASSWORD,
        )
        if not can:
            return assert_it_says_why_not(line)
        line.wait_trunk("main", "registered")
        placed = asterisk.originate("1005", prompt="turn", listen_secs=4)
        call = line.wait_ended(line.wait_call("completed", timeout_secs=20)["sid"])
        assert call["report"]["srtp"]["suite"] == "AES_CM_128_HMAC_SHA1_80"
        spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
        assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)
        assert_called(line)
    finally:
        server.stop()


def assert_called(line) -> None:
    """The agent calls Asterisk, and hears somebody."""
    sid = line.ask("POST", "/v1/calls", {"number": "talk-turn", "agent": "parrot"})[1]["sid"]
    line.wait_event(sid, "reply_end")
    line.ask("DELETE", f"/v1/calls/{sid}")
    assert line.wait_ended(sid)["state"] == "completed"
