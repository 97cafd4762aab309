"""Where requests within a call go, by the INVITE's Via and Contact and where it came from."""

import pytest

from sip_plugin.sip.message import parse
from sip_plugin.sip.nat import way_back

ROUTER = ("203.0.113.1", 31_000)


def invite(via: str, contact: str, more: str = "", transport: str = "UDP"):
    return parse(
        "INVITE sip:1001@198.51.100.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {via};rport;branch=z9hG4bKx\r\n"
        f"Contact: <sip:phone@{contact};ob>\r\n{more}\r\n"
    )


def test_a_phone_with_a_private_address_is_behind_its_router():
    said = invite("192.168.1.20:5060", "192.168.1.20:5060")
    assert way_back(said, ROUTER) == "sip:203.0.113.1:31000"


def test_so_it_is_behind_a_router_within_a_private_network():
    said = invite("192.168.1.20", "192.168.1.20")
    assert way_back(said, ("10.0.0.7", 1024)) == "sip:10.0.0.7:1024"


def test_a_connection_is_the_way_back():
    said = invite("192.168.1.20", "192.168.1.20", transport="TLS")
    assert way_back(said, ROUTER) == "sip:203.0.113.1:31000;transport=tls"


def test_a_private_contact_is_not_reached_from_a_public_network():
    assert way_back(invite("203.0.113.1:5060", "10.1.1.1:5060"), ROUTER)


@pytest.mark.parametrize(
    ("via", "contact", "more", "source"),
    [
        # An SBC that takes calls at another address than it sends from.
        ("203.0.113.1:5060", "203.0.113.2:5060", "", ROUTER),
        # A cluster within one network.
        ("10.0.0.7", "10.0.0.8", "", ("10.0.0.7", 5060)),
        # A phone that sends from another port than it listens at.
        ("203.0.113.1:5060", "203.0.113.1:5060", "", ROUTER),
        # A carrier, seen through a router of ours that hides who sends.
        ("203.0.113.1:5060", "203.0.113.1:5060", "", ("172.17.0.1", 40_000)),
        # Behind a proxy that stays on the way.
        ("192.168.1.20", "192.168.1.20", "Record-Route: <sip:203.0.113.1;lr>\r\n", ROUTER),
        # Names.
        ("phone.lan", "phone.lan", "", ROUTER),
        ("pbx.example.net", "192.168.1.20", "", ROUTER),
        # Addresses of another family.
        ("[2001:db8::1]:5060", "[2001:db8::1]:5060", "", ROUTER),
        ("", "", "", ROUTER),
    ],
)
def test_what_can_be_reached_is_left_alone(via, contact, more, source):
    assert way_back(invite(via, contact, more), source) == ""
