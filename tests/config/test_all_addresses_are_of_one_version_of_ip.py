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


V6 = '[sip]\nbind = "[::]:5060"\n[media]\nbind_address = "::"\n'


def test_with_ipv6_a_trunk_is_not_at_another_address():
    [found] = faults(V6 + TRUNK.format(domain="192.0.2.1", proxy="") + AGENT)
    assert found.startswith("f.toml:6: trunks.main.domain: must be IPv6")


def test_names_are_looked_up_for_the_version_that_it_is():
    assert faults(V6 + TRUNK.format(domain="sip.example.net", proxy="") + AGENT) == []


@pytest.mark.parametrize(
    ("networks", "count"),
    [('"192.0.2.0/24"', 1), ('"192.0.2.0/24", "198.51.100.1"', 1), ('"192.0.2.1", "::/0"', 0)],
)
def test_callers_come_from_addresses_of_that_version(networks, count):
    trunk = TRUNK.format(domain="sip.example.net", proxy="")
    allowed = f"require_registration = false\nallow_from = [{networks}]\n"
    found = faults(V6 + trunk + allowed + AGENT)
    assert len(found) == count
    assert all("trunks.main.allow_from: must be IPv6: sip.bind is IPv6" in one for one in found)


def test_with_ipv6_audio_is_too():
    [found] = faults('[sip]\nbind = "[::]:5060"\n' + TRUNK.format(domain="[::1]", proxy="") + AGENT)
    assert "media.bind_address: must be IPv6" in found
