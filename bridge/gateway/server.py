"""The gateway: a QUIC server that carries calls to agents."""

import asyncio
import hmac
import logging
import secrets
import socket
import time
from collections.abc import Mapping
from typing import Any

from aioquic.asyncio.server import QuicServer
from aioquic.buffer import Buffer
from aioquic.quic.connection import QuicConnection as AioQuic
from aioquic.quic.packet import pull_quic_header
from aioquic.quic.retry import QuicRetryTokenHandler
from cryptography.x509 import load_pem_x509_certificates
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from bridge import token
from bridge.agent import TlsOptions
from bridge.gateway.agent import Agent
from bridge.gateway.certificate import self_signed, write_ca
from bridge.gateway.clock import SpeechClock
from bridge.gateway.connection import GatewayLink
from bridge.gateway.counters import GatewayStats
from bridge.gateway.greeter import Greeter
from bridge.gateway.parrot import Parrot
from bridge.gateway.plugin import ServerProtocol
from bridge.gateway.relay import RelayLink
from bridge.quic.client_certificates import demand_certificate
from bridge.quic.paths import KnownPaths
from bridge.quic.tickets import SERVER_TICKETS, Tickets
from bridge.secret import Secret
from bridge.token import CheckingOptions, TokenRefused
from bridge.wire import messages, sockets
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import MAX_RESUME_SECS

LONG_HEADER = 0x80
DRAIN_LOOK = 0.1
"""How often it is looked whether all calls have ended."""
MAX_UNPROVEN = 16
"""Connections that may shake hands at a time before newcomers must prove their address."""

log = logging.getLogger(__name__)


class GatewayOptions(BaseModel):
    """How a gateway listens, whom it believes, and how its embedded agents speak."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(4433, ge=0, le=65535)
    """0 takes any free port; `Gateway.address` says which."""
    cert_file: str = ""
    """PEM certificate chain; empty makes a certificate at start."""
    key_file: str = ""
    ca_out: str = ""
    """File to write the made certificate to, for `tls.ca_file` of the plugin's agents."""
    token: Secret = SecretStr("")
    """What calls must show; empty takes every call, unless there is `jwt`."""
    jwt: CheckingOptions | None = None
    """Takes calls that show a token made for them."""
    client_ca_file: str = ""
    """PEM file of authorities: takes connections only that show a certificate of theirs."""
    max_calls: int = Field(256, ge=1, le=100_000)
    """Over all connections."""
    max_connections: int = Field(64, ge=1, le=10_000)
    first_audio_ms: int = Field(0, ge=0, le=60_000)
    """How long the embedded agents wait after a commit."""
    pace: float = Field(1.0, ge=0.0, le=100.0)
    """How fast they speak, in multiples of real time; 0: all at once."""
    relays: tuple[str, ...] = Field((), max_length=16)
    """MoQT relays that calls come through, besides those that come here: `moqt://HOST:PORT/PATH`."""
    relay_ca_file: str = ""
    """PEM file of the authority that signed their certificates; empty takes the system's."""
    resume_secs: int = Field(10, ge=0, le=MAX_RESUME_SECS)
    """How long a call whose connection broke waits for another; 0: it ends at once."""
    drain_secs: float = Field(0.0, ge=0, le=86_400)
    """How long running calls may go on once it is to end, while new ones are refused."""
    packet_bytes: int = Field(0, ge=0, le=65_000)
    """UDP payloads sent; 0: as large as a loopback path takes if the gateway listens on one,
    1200 otherwise."""

    @model_validator(mode="after")
    def _relays_show_no_certificate(self) -> "GatewayOptions":
        if self.client_ca_file and self.relays and not (self.token.get_secret_value() or self.jwt):
            raise ValueError(
                "client_ca_file says nothing of calls that come through relays: give a token, or "
                "jwt, as well"
            )
        return self


class Gateway:
    """`async with Gateway(options) as gateway:` serves until the block ends.

    `agents`, by name, are added to the embedded `parrot` and `greeter`, or stand in for them when
    `embedded` is False.
    """

    def __init__(
        self,
        options: GatewayOptions | None = None,
        agents: Mapping[str, Agent] | None = None,
        *,
        embedded: bool = True,
    ) -> None:
        self.options = options or GatewayOptions()
        self.stats = GatewayStats()
        self.agents: dict[str, Agent] = dict(agents or {})
        self.sids: set[str] = set()
        """Calls that are open, over all connections."""
        self.tasks: set[asyncio.Task[None]] = set()
        """Of the agents of all calls."""
        self.closing = False
        self.paths = KnownPaths()
        """To plugins whose connections have ended."""
        self.draining = False
        """New calls are refused."""
        self._resumable: dict[str, tuple[str, object]] = {}
        """Their tokens, and they."""
        self._begun: dict[str, tuple[str, object]] = {}
        """Those that were another gateway's: its tokens, and they."""
        self.protocols: set[ServerProtocol] = set()
        self.links: set[GatewayLink] = set()
        self.relays: list[RelayLink] = []
        self._server: _Server | None = None
        self._pem = b""
        self._embedded = embedded
        self._client_authorities = b""
        self._tickets = Tickets(SERVER_TICKETS)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        return self._server.address

    @property
    def endpoint(self) -> str:
        """The same, as an agent's `endpoint`."""
        host, port = self.address
        return f"quic://[{host}]:{port}" if ":" in host else f"quic://{host}:{port}"

    def write_ca(self, path: str) -> None:
        """Write the made certificate to a file for `tls.ca_file`. Raises OSError."""
        write_ca(path, self._pem)

    async def start(self) -> None:
        """Listen. Raises OSError, or ValueError for a certificate that cannot be read."""
        options = self.options
        if options.client_ca_file:
            self._client_authorities = _authorities(options.client_ca_file)
        if self._embedded:
            clock = SpeechClock()
            embedded: dict[str, Agent] = {
                "parrot": Parrot(clock, options.first_audio_ms, options.pace),
                "greeter": Greeter(clock, options.first_audio_ms, options.pace),
            }
            self.agents = embedded | self.agents
        # Who resumed a session would not be asked for a certificate.
        tickets = None if options.client_ca_file else self._tickets
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(options.host, options.port, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        configuration = self._configuration(address[0])
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sockets.bind_sizes(sock)
            sock.bind(address)
            _, self._server = await loop.create_datagram_endpoint(
                lambda: _Server(
                    self,
                    sock.getsockname()[:2],
                    configuration=configuration,
                    create_protocol=self._protocol,
                    session_ticket_fetcher=tickets.take if tickets is not None else None,
                    session_ticket_handler=tickets.add if tickets is not None else None,
                ),
                sock=sock,
            )
        except OSError:
            sock.close()
            raise
        tls = TlsOptions(ca_file=options.relay_ca_file)
        for endpoint in options.relays:
            self.relays.append(RelayLink(self, endpoint, tls, options.max_calls))

    async def drain(self) -> None:
        """Take no new calls, ask the plugins to go elsewhere with them, and wait for those that are
        open to end: `drain_secs` at most."""
        secs = self.options.drain_secs
        self.draining = True
        for link in list(self.links):
            link.go_away(secs)
        loop = asyncio.get_running_loop()
        until = loop.time() + secs
        while self.sids and loop.time() < until:
            await asyncio.sleep(DRAIN_LOOK)

    async def close(self) -> None:
        """End all calls, tell the plugins, and stop listening."""
        if self._server is None:
            return
        self.closing = True
        links = list(self.links)
        for link in links:
            link.shut_down()
        await asyncio.sleep(0)
        for relay in self.relays:
            relay.close()
        self._server.close()
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> "Gateway":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def resumable(self, sid: str, call: object) -> tuple[str, int]:
        """A call that was taken; the token and the seconds by which it may be taken up again."""
        secs = self.options.resume_secs
        if not secs:
            return "", 0
        token = secrets.token_hex(16)
        self._resumable[sid] = (token, call)
        return token, secs

    def claim(self, sid: str, token: str) -> object | None:
        """The call of that sid, for who shows its token."""
        return _shown(self._resumable, sid, token)

    def begun(self, sid: str, token: str, call: object) -> None:
        """A call that was another gateway's, which had given it that token."""
        self._begun[sid] = (token, call)

    def begun_with(self, sid: str, token: str) -> object | None:
        """The call of that sid that was begun so, for who shows that token again."""
        return _shown(self._begun, sid, token)

    def forget(self, sid: str) -> None:
        self._resumable.pop(sid, None)
        self._begun.pop(sid, None)

    def admit(self, asked: messages.Open) -> Agent:
        """The agent for a call that asks for one. Raises WireError with why there is none."""
        options = self.options
        try:
            token.admit(
                options.token, options.jwt, asked.token, asked.sid, asked.agent, time.time()
            )
        except TokenRefused as refused:
            raise WireError(ErrorCode.UNAUTHORIZED, str(refused)) from None
        if self.draining:
            raise WireError(ErrorCode.SHUTTING_DOWN, "the gateway takes no new calls")
        agent = self.agents.get(asked.agent)
        if agent is None:
            names = ", ".join(sorted(self.agents))
            raise WireError(ErrorCode.UNKNOWN_AGENT, f"no such agent here; there are: {names}")
        if asked.sid in self.sids:
            raise WireError(ErrorCode.DUPLICATE_CALL, "a call with this sid is open")
        if len(self.sids) >= self.options.max_calls:
            raise WireError(ErrorCode.TOO_MANY_CALLS, f"{len(self.sids)} calls are open")
        return agent

    def _protocol(self, quic: AioQuic, stream_handler: Any = None) -> ServerProtocol:
        if self._client_authorities:
            demand_certificate(quic, self._client_authorities)
        return ServerProtocol(quic, self)

    def _configuration(self, address: str) -> Any:
        options = self.options
        size = options.packet_bytes or sockets.packet_bytes_to(address)
        configuration = sockets.configuration(is_client=False, packet_bytes=size)
        if options.cert_file:
            configuration.load_cert_chain(options.cert_file, options.key_file or None)
            return configuration
        made = self_signed(address)
        self._pem = made.pem
        configuration.certificate = made.certificate
        configuration.private_key = made.key
        if options.ca_out:
            write_ca(options.ca_out, made.pem)
        return configuration


def _shown(calls: Mapping[str, tuple[str, object]], sid: str, token: str) -> object | None:
    """The call of that sid, if that is its token."""
    known, call = calls.get(sid, ("", None))
    return call if known and hmac.compare_digest(known.encode(), token.encode()) else None


def _authorities(path: str) -> bytes:
    """The certificates in a file, known to be some. Raises OSError or ValueError."""
    with open(path, "rb") as file:
        pem = file.read()
    try:
        load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ValueError(f"client_ca_file: {path} holds no PEM certificate") from error
    return pem


class _Server(QuicServer):
    """aioquic's server, with a bound on connections, also on those that shake hands; when many do,
    a newcomer must show first that its address is its own (RFC 9000 section 8.1.2)."""

    def __init__(self, gateway: Gateway, address: tuple[str, int], **options: Any) -> None:
        super().__init__(**options)
        self.address = address
        self._gateway = gateway
        self._retries = QuicRetryTokenHandler()

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        gateway = self._gateway
        if len(gateway.protocols) >= gateway.options.max_connections and self._is_new(data):
            return
        if data and data[0] & LONG_HEADER:
            header = self._header(data)
            shaking = sum(not protocol.confirmed for protocol in gateway.protocols)
            # Who has a token is asked for it even when the rush is over.
            ask = shaking >= MAX_UNPROVEN or (header is not None and header.token)
            self._retry = self._retries if ask else None
        elif data:
            # Of an ordinary packet no more is looked at than whose it is.
            cid = data[1 : 1 + self._configuration.connection_id_length]
            protocol = self._protocols.get(cid)  # type: ignore[call-overload]
            if protocol is not None:
                protocol.datagram_received(data, addr)
            return
        super().datagram_received(data, addr)

    def _header(self, data: bytes | str) -> Any:
        assert isinstance(data, bytes)
        try:
            return pull_quic_header(
                Buffer(data=data), host_cid_length=self._configuration.connection_id_length
            )
        except ValueError:
            return None

    def _is_new(self, data: bytes | str) -> bool:
        header = self._header(data)
        return header is None or header.destination_cid not in self._protocols
