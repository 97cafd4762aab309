"""DNS by RFC 3263 at a real name server: NAPTR gives the transport, SRV host and port, the next
takes over."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD
from tests.peers.dns_server import DnsServer, check_dns_server
from tests.peers.plugin import agent

pytestmark = pytest.mark.peer("asterisk")


@pytest.fixture
def names(tmp_path):
    check_dns_server()
    running: list[DnsServer] = []

    def start(*services, naptr=()) -> DnsServer:
        hosts = {"sip1.provider.test": "127.0.0.1", "sip2.provider.test": "127.0.0.1"}
        running.append(DnsServer(tmp_path / "dns", hosts, services, naptr))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def account(**fields) -> dict:
    return {
        "domain": "provider.test",
        "sip_username": "1001",
        "sip_password": PASSWORD,
        **fields,
    }


def test_a_domain_without_an_address_is_registered_with_and_calls(names, plugin, model, asterisk):
    server = names(("_sip._udp.provider.test", "sip1.provider.test", asterisk.sip_port, 10, 5))
    said = speech.load("turn_1")
    asterisk.add_prompt("srv", said)
    line = plugin(
        sip={"nameservers": [server.address]},
        trunks={"main": account()},
        agents={"parrot": agent(model)},
        dialplan={
            "routes": [{"number": "1001", "agent": "parrot"}],
            "outbound": {"allow": ["_."]},
        },
    )
    line.wait_trunk("main", "registered")
    assert server.asked("_sip._udp.provider.test", "SRV")

    # Asterisk's own calls come from the address that the record leads to.
    call = asterisk.originate(prompt="srv")
    sid = line.wait_call("in_progress")["sid"]
    line.wait_event(sid, "reply_end")
    line.wait_ended(sid)
    assert_heard(said, call.recording("rx"))

    status, placed = line.ask("POST", "/v1/calls", {"number": "talk-srv", "agent": "parrot"})
    assert status == 201, placed
    line.wait_event(placed["sid"], "reply_end")
    line.ask("DELETE", f"/v1/calls/{placed['sid']}")
    assert line.wait_ended(placed["sid"])["state"] == "completed"


def test_the_next_record_is_tried_when_the_first_leads_to_nobody(names, plugin, ports, asterisk):
    server = names(
        ("_sip._tcp.provider.test", "sip1.provider.test", ports.one(), 10, 5),
        ("_sip._tcp.provider.test", "sip2.provider.test", asterisk.sip_port, 20, 5),
    )

    line = plugin(sip={"nameservers": [server.address]}, trunks={"main": account(transport="tcp")})

    line.wait_trunk("main", "registered")
    [contact] = asterisk.wait_registered("1001")
    assert "transport=tcp" in contact.lower()


def test_the_transport_is_the_one_that_the_domain_prefers(names, plugin, model, asterisk):
    server = names(
        ("_sip._udp.provider.test", "sip1.provider.test", asterisk.sip_port, 10, 5),
        ("_sip._tcp.edge.test", "sip2.provider.test", asterisk.sip_port, 10, 5),
        naptr=[
            ("provider.test", 20, 10, "SIP+D2U", "_sip._udp.provider.test"),
            ("provider.test", 10, 20, "SIP+D2T", "_sip._tcp.edge.test"),
            ("provider.test", 10, 10, "SIP+D2S", "_sip._sctp.edge.test"),
        ],
    )
    said = speech.load("turn_1")
    asterisk.add_prompt("naptr", said)
    line = plugin(
        sip={"nameservers": [server.address]},
        trunks={"main": account(transport="auto")},
        agents={"parrot": agent(model)},
        dialplan={
            "routes": [{"number": "1001", "agent": "parrot"}],
            "outbound": {"allow": ["_."]},
        },
    )

    line.wait_trunk("main", "registered")
    [contact] = asterisk.wait_registered("1001")
    assert "transport=tcp" in contact.lower()
    assert server.asked("provider.test", "NAPTR")
    status, placed = line.ask("POST", "/v1/calls", {"number": "talk-naptr", "agent": "parrot"})
    assert status == 201, placed
    line.wait_event(placed["sid"], "reply_end")
    line.ask("DELETE", f"/v1/calls/{placed['sid']}")
    assert line.wait_ended(placed["sid"])["state"] == "completed"
    assert_heard(said, asterisk.last_recording("rx"))


def test_without_naptr_the_transport_is_one_that_has_a_record(names, plugin, asterisk):
    server = names(("_sip._tcp.provider.test", "sip1.provider.test", asterisk.sip_port, 10, 5))

    line = plugin(sip={"nameservers": [server.address]}, trunks={"main": account(transport="auto")})

    line.wait_trunk("main", "registered")
    [contact] = asterisk.wait_registered("1001")
    assert "transport=tcp" in contact.lower()


def test_a_host_without_records_is_reached_by_udp(names, plugin, asterisk):
    """And an IP trunk can be called over as soon as that is known."""
    server = names()
    trunk = {"domain": "sip1.provider.test", "transport": "auto", "require_registration": False}

    line = plugin(
        sip={"nameservers": [server.address]},
        trunks={"main": {**trunk, "allow_from": ["127.0.0.1/32"]}},
    )

    line.process.wait_for("trunk main: sip1.provider.test by UDP .no records", 15)
    assert server.asked("_sip._tcp.sip1.provider.test", "SRV")


def test_a_name_that_nobody_knows_is_said_so(names, plugin):
    server = names()

    line = plugin(
        sip={"nameservers": [server.address]},
        trunks={"main": account(domain="absent.test")},
        ready=False,
    )

    line.process.wait_for("absent.test cannot be resolved: no address .A. is known at 127.53", 15)


def test_a_name_with_a_port_needs_no_record(names, plugin, asterisk):
    server = names()

    line = plugin(
        sip={"nameservers": [server.address]},
        trunks={"main": account(domain=f"sip2.provider.test:{asterisk.sip_port}")},
    )

    line.wait_trunk("main", "registered")
    assert not server.asked("_sip._udp.sip2.provider.test", "SRV")
