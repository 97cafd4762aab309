"""NAPTR and SRV records of a trunk (RFC 3263 section 4.1): which transport, which records next."""

import pytest

from sip_plugin.sip.ways import Naptr, Way, by_naptr, by_srv

ALL = ("udp", "tcp", "tls")
UDP = Naptr(10, 10, "s", "SIP+D2U", "", "_sip._udp.example.net.")
TCP = Naptr(10, 20, "S", "sip+d2t", "", "_sip._tcp.Example.net.")
TLS = Naptr(20, 1, "s", "SIPS+D2T", "", "_sips._tcp.example.net.")


def test_order_goes_before_preference():
    ways = by_naptr("example.net", [TLS, TCP, UDP], ALL)

    assert [way.transport for way in ways] == ["udp", "tcp", "tls"]
    assert ways[1] == Way("tcp", "_sip._tcp.example.net")


def test_what_we_do_not_have_is_left_out():
    assert [way.transport for way in by_naptr("example.net", [UDP, TCP, TLS], ("tcp",))] == ["tcp"]


@pytest.mark.parametrize(
    "record",
    [
        UDP._replace(service="SIP+D2S"),
        UDP._replace(service="E2U+sip"),
        UDP._replace(flags="u"),
        UDP._replace(flags=""),
        UDP._replace(regexp="!^.*$!sip:info@example.net!"),
        UDP._replace(replacement="."),
    ],
)
def test_records_of_other_kinds_are_left_out(record):
    assert by_naptr("example.net", [record], ALL) == []


def test_tls_does_not_lead_to_another_name():
    away = TLS._replace(replacement="_sips._tcp.example.org.")

    assert by_naptr("example.net", [away], ALL) == []


def test_other_transports_may_lead_to_another_name():
    [way] = by_naptr("example.net", [UDP._replace(replacement="_sip._udp.edge.example.org.")], ALL)

    assert way.host_beside("example.net") == "edge.example.org"
    assert Way("udp", "_sip._udp.example.net").host_beside("Example.NET") == ""
    assert Way("udp", "odd.example.net").host_beside("example.net") == ""


def test_without_naptr_the_records_of_each_transport_are_looked_for():
    assert [way.records for way in by_srv("example.net", ALL)] == [
        "_sips._tcp.example.net",
        "_sip._udp.example.net",
        "_sip._tcp.example.net",
    ]
    assert [way.transport for way in by_srv("example.net", ("udp", "tcp"))] == ["udp", "tcp"]
