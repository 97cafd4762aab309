"""Where we listen, and which of our addresses a far side sees."""

import socket

from sip_plugin.config import Config
from sip_plugin.config.models import SipTlsConfig
from sip_plugin.sip.pj_endpoint import Listener
from sip_plugin.sip.tls import TlsOptions, system_ca_file


def address_towards(host: str) -> str:
    """Our address on the route to `host`, an IP address; loopback when there is none."""
    is_v6 = ":" in host
    with socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host or "192.0.2.1", 9))
        except OSError:
            return "::1" if is_v6 else "127.0.0.1"
        return probe.getsockname()[0]


def listeners(config: Config) -> tuple[Listener, ...]:
    """Those of TCP and TLS, where a trunk uses them or the configuration names them."""
    sip = config.sip
    trunks = config.trunks.items()
    used: set[str] = {trunk.transport for _, trunk in trunks if trunk.tls is None}
    if "auto" in used:
        used.add("tcp")
        if sip.tls.ca_file or system_ca_file():  # else far sides could not be verified
            used.add("tls")
    wanted = {"tcp": sip.bind_tcp, "tls": sip.bind_tls}
    shared = tuple(
        Listener(transport, *sip.listener(transport))
        for transport, bind in wanted.items()
        if bind or transport in used
    )
    return shared + tuple(
        Listener("tls", *trunk.tls.listener(sip.bind_host), name, tls_options(trunk.tls))
        for name, trunk in trunks
        if trunk.tls is not None
    )


def tls_options(tls: SipTlsConfig) -> TlsOptions:
    return TlsOptions(**tls.model_dump(exclude={"bind"}))
