"""`sip.bind = "[::]"` is for IPv6 alone: no caller comes as ::ffff:192.0.2.1, whom no `allow_from`
knows."""

import socket

from sip_plugin.sip.build import ipv6_shortage


def test_the_port_is_free_for_a_plugin_of_ipv4(start_sip, sip_ports):
    if shortage := ipv6_shortage():
        assert "sip.bind is IPv6" in shortage  # of this build no process starts with it
        return
    port = sip_ports.one()
    start_sip(
        sip={"bind": f"[::]:{port}"},
        media={"bind_address": "::"},
        trunks={
            "main": {
                "domain": "[::1]:9",
                "require_registration": False,
                "allow_from": ["::/0"],
            }
        },
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", port))
