"""`sip.bind` says which; an address of the other one is a fault, with the reason."""

import pytest

from tests.config.files import AGENT, faults

TRUNK = '[trunks.main]\ndomain = "{domain}"\nproxy = "{proxy}"\nsip_username = "1"\n'


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('[sip]\nbind_tls = "[::1]:5061"\n', "sip.bind_tls"),
        ('[sip]\npublic_address = "2001:db8::1"\n', "sip.public_address"),
        ('[media]\nbind_address = "::"\n', "media.bind_address"),
    ],
)
def test_our_own_addresses(table, key):
    assert faults(f"{table}{TRUNK.format(domain='sip.example.net', proxy='')}{AGENT}") == [
        f"f.toml:2: {key}: must be IPv4: sip.bind is IPv4"
    ]


@pytest.mark.parametrize(("line", "key"), [(2, "domain"), (3, "proxy")])
def test_those_of_a_trunk(line, key):
    values = {"domain": "sip.example.net", "proxy": "", key: "[2001:db8::1]:5060"}
    [found] = faults(TRUNK.format(**values) + AGENT)
    assert found.startswith(f"f.toml:{line}: trunks.main.{key}: must be IPv4")


def test_with_ipv6_all_are():
    ours = '[sip]\nbind = "[::]:5060"\n[media]\nbind_address = "::"\n'
    assert (
        faults(ours + TRUNK.format(domain="[2001:db8::1]", proxy="[2001:db8::2]:5070") + AGENT)
        == []
    )


@pytest.mark.parametrize("domain", ["192.0.2.1", "sip.example.net"])
def test_with_ipv6_a_trunk_is_an_address(domain):
    ours = '[sip]\nbind = "[::]:5060"\n[media]\nbind_address = "::"\n'
    [found] = faults(ours + TRUNK.format(domain=domain, proxy="") + AGENT)
    assert found.startswith("f.toml:6: trunks.main.domain: must be")


def test_with_ipv6_audio_is_too():
    [found] = faults('[sip]\nbind = "[::]:5060"\n' + TRUNK.format(domain="[::1]", proxy="") + AGENT)
    assert "media.bind_address: must be IPv6" in found
