"""The certificates that a configuration uses: ours for SIP, and those that gateways show."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Iterator
from typing import Any, cast

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent
from cryptography import x509

from bridge.quic.internals import peer_certificate
from bridge.wire.limits import ALPN
from sip_plugin.config import Config
from sip_plugin.config.address import split_host_port
from sip_plugin.config.models import SipTlsConfig
from sip_plugin.doctor import certificates
from sip_plugin.doctor.finding import Finding, limit
from sip_plugin.gateway.models import GatewayConfig

GATEWAY_SECS = 5.0
"""For all gateways, which are asked at the same time."""
MAX_GATEWAYS = 16
_DEFAULT_PORT = 4433


def examine(config: Config) -> Iterator[Finding]:
    now = dt.datetime.now(dt.UTC)
    yield from _sip("sip.tls", config.sip.tls, now)
    for name, trunk in config.trunks.items():
        if trunk.tls is not None:
            yield from _sip(f"trunks.{name}.tls", trunk.tls, now)
    for name, agent in config.agents.items():
        if agent.tls.ca_file:
            subject = f"agents.{name}.tls.ca_file"
            yield from certificates.of_authorities(subject, agent.tls.ca_file, now)
        if agent.tls.cert_file:
            subject, then = f"agents.{name}.tls.cert_file", "the next connection shows them"
            files = (agent.tls.cert_file, agent.tls.key_file)
            yield from certificates.of_files(subject, *files, now, then=then)
    yield from _gateways(config, now)


def of_gateway(config: GatewayConfig) -> Iterator[Finding]:
    """Those of a gateway's own file."""
    now = dt.datetime.now(dt.UTC)
    listen = config.gateway
    if listen.cert_file:
        subject, then = "gateway.cert_file", "then restart the gateway, which reads them at start"
        files = (listen.cert_file, listen.key_file)
        yield from certificates.of_files(subject, *files, now, then=then)
    for key in ("client_ca_file", "relay_ca_file"):
        if file := getattr(listen, key):
            yield from certificates.of_authorities(f"gateway.{key}", file, now)


def _sip(table: str, tls: SipTlsConfig, now: dt.datetime) -> Iterator[Finding]:
    if tls.cert_file:
        then = "then restart the plugin, which reads them at start"
        files = (tls.cert_file, tls.key_file)
        yield from certificates.of_files(f"{table}.cert_file", *files, now, then=then)
    if tls.ca_file:
        yield from certificates.of_authorities(f"{table}.ca_file", tls.ca_file, now)


def _gateways(config: Config, now: dt.datetime) -> Iterator[Finding]:
    asked: dict[str, list[str]] = {}
    for name, agent in config.agents.items():
        for endpoint in agent.weights:
            if endpoint.startswith("quic://"):
                asked.setdefault(endpoint, []).append(name)
    shown = asyncio.run(_all_shown(list(asked)[:MAX_GATEWAYS]))
    for endpoint, certificate in shown.items():
        subject = f"certificate of agent {', '.join(asked[endpoint])}"
        if certificate is None:
            advice = "start the gateway; and see that UDP passes the firewalls between"
            yield limit(subject, f"{endpoint}: no answer, so it is not known", advice)
        else:
            yield certificates.of_peer(subject, endpoint, certificate, now)


async def _all_shown(endpoints: list[str]) -> dict[str, x509.Certificate | None]:
    found = await asyncio.gather(*(_shown(endpoint) for endpoint in endpoints))
    return dict(zip(endpoints, found, strict=True))


class _Handshake(QuicConnectionProtocol):
    """Tells when its handshake is over: aioquic's own wait, when given up, logs an error later."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.over = asyncio.Event()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, HandshakeCompleted | ConnectionTerminated):
            self.over.set()


async def _shown(endpoint: str) -> x509.Certificate | None:
    """What a gateway shows in the handshake, whoever signed it; nothing is said after it."""
    host, port = split_host_port(endpoint.removeprefix("quic://"), _DEFAULT_PORT)
    options = QuicConfiguration(
        is_client=True, alpn_protocols=[ALPN], verify_mode=ssl.CERT_NONE, server_name=host
    )
    try:
        async with (
            asyncio.timeout(GATEWAY_SECS),
            connect(
                *(host, port),
                configuration=options,
                create_protocol=_Handshake,
                wait_connected=False,
            ) as protocol,
        ):
            protocol.transmit()
            await cast(_Handshake, protocol).over.wait()
            return peer_certificate(protocol)
    except (OSError, TimeoutError, ConnectionError):
        return None
