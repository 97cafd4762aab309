"""Audio is IPv4: an IPv6 address where SIP or RTP would use it is a fault, with the reason."""

import pytest

from tests.config.files import AGENT, faults

TRUNK = '[trunks.main]\ndomain = "{domain}"\nproxy = "{proxy}"\nsip_username = "1"\n'


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('[sip]\nbind = "[::]:5060"\n', "sip.bind"),
        ('[sip]\nbind_tls = "[::1]:5061"\n', "sip.bind_tls"),
        ('[sip]\npublic_address = "2001:db8::1"\n', "sip.public_address"),
        ('[media]\nbind_address = "::"\n', "media.bind_address"),
    ],
)
def test_our_own_addresses(table, key):
    assert faults(f"{table}{TRUNK.format(domain='sip.example.net', proxy='')}{AGENT}") == [
        f"f.toml:2: {key}: IPv6 is not there yet: audio is IPv4 only, so write an IPv4 address"
    ]


@pytest.mark.parametrize(("line", "key"), [(2, "domain"), (3, "proxy")])
def test_those_of_a_trunk(line, key):
    values = {"domain": "sip.example.net", "proxy": "", key: "[2001:db8::1]:5060"}
    [found] = faults(TRUNK.format(**values) + AGENT)
    assert found.startswith(f"f.toml:{line}: trunks.main.{key}: IPv6 is not there yet")
