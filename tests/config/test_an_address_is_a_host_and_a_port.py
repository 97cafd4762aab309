import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_plugin.config.address import is_loopback, split_host_port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip.example.net", ("sip.example.net", 5060)),
        ("sip.example.net.:5070", ("sip.example.net.", 5070)),
        ("pbx_1:65535", ("pbx_1", 65535)),
        ("192.0.2.1:1", ("192.0.2.1", 1)),
        ("[2001:db8::1]", ("2001:db8::1", 5060)),
        ("[::1]:5061", ("::1", 5061)),
    ],
)
def test_ways_to_write_one(text, expected):
    assert split_host_port(text, 5060) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", ":5060", "host:", "host:0", "host:65536", "host:5_0", "host:+5", "host:\u0665"),
        *("::1", "2001:db8::1:5060", "[::1", "[::1]5060", "[127.0.0.1]:1", "[host]:1", "host: 5"),
        *("1.2.3", "1.2.3.4.5", "256.1.1.1", "-host", "ho$t", "a..b", "a b", "host\n", "h\u00f3st"),
        *("sip:host", "host/path", "user@host", "x" * 254, "x" * 64 + ".net"),
    ],
)
def test_what_is_none(text):
    with pytest.raises(ValueError):
        split_host_port(text, 5060)


def test_a_port_may_be_needed():
    with pytest.raises(ValueError, match="the port is missing"):
        split_host_port("host")


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_a_value_error(text):
    try:
        host, port = split_host_port(text, 5060)
    except ValueError:
        return
    assert host.isascii() and 1 <= port <= 65535


def test_loopback():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("192.0.2.1", "localhost.example.net", "")))
