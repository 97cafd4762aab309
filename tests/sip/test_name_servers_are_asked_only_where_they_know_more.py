"""When the SIP stack asks name servers: for names that the system does not know by itself."""

import pytest

from sip_plugin.sip.names import in_hosts_file, name_servers


@pytest.mark.parametrize(
    ("ways", "servers"),
    [
        ([], ()),
        (["192.0.2.1", "192.0.2.2:5070", "[2001:db8::1]"], ()),
        (["localhost:5060"], ()),
        (["localhost", "sip.example.net"], ("192.0.2.53",)),
    ],
)
def test_addresses_and_local_names_need_none(ways, servers):
    assert name_servers(["192.0.2.53"], ways) == servers


def test_no_more_are_named_than_the_stack_takes():
    many = [f"192.0.2.{n}" for n in range(9)]
    assert name_servers(many, ["sip.example.net"]) == tuple(many[:4])


def test_the_hosts_file_is_read_as_the_system_does(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n10.0.0.2\tPBX pbx.lan # not.this\n# 10.0.0.3 old\n\n")

    found = [
        name
        for name in ("pbx", "PBX.lan", "old", "not.this", "10.0.0.2", "localhost")
        if in_hosts_file(name, hosts)
    ]
    assert found == ["pbx", "PBX.lan", "localhost"]
    assert not in_hosts_file("pbx", tmp_path / "absent")
