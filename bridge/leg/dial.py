"""One attempt at a QUIC connection to a gateway, with an error a reader can act on."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from aioquic.quic.connection import QuicConnection as AioQuic
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import AlertDescription
from cryptography.x509 import load_pem_x509_certificates

from bridge.agent import TlsOptions
from bridge.leg.place import Place
from bridge.moqt.limits import MAX_URI
from bridge.moqt.pairs import Pairs
from bridge.quic.paths import SAME_PATH_SECS
from bridge.quic.tickets import CLIENT_TICKETS, Tickets
from bridge.wire import sockets
from bridge.wire.errors import ErrorCode, WireError
from bridge.wire.limits import ALPN, DEAD_AFTER, PING_INTERVAL
from bridge.wire.moqt_protocol import MoqtProtocol

CONNECT_TIMEOUT = 5.0
MAX_QUEUED_SECS = 0.2
"""Uplink audio that the path did not take for so long is shed."""
MOVE_AFTER = 0.9
"""Silence after which the plugin tries another socket: its address or a NAT may have changed."""
_REFUSED_GRACE = 0.4
"""How long a gateway has to speak once its machine said that nobody listens there."""

log = logging.getLogger(__name__)


class ClientProtocol(MoqtProtocol):
    """The plugin's end of a connection."""

    connected_socket = True
    max_queued_secs = MAX_QUEUED_SECS

    def __init__(self, quic: AioQuic, options: Pairs = ()) -> None:
        """`options`: of SETUP."""
        super().__init__(quic)
        self._options = options
        self.ended_event = asyncio.Event()
        self.handshake: asyncio.Future[str | None] = self._loop.create_future()
        self.early = False
        """In use before the handshake is over: nobody waits for it."""
        self.give_back: Callable[[], None] | None = None
        """Takes back a session ticket that nobody has seen."""
        self.remember: Callable[[float, float], None] | None = None
        """Takes what the connection found of its path: bandwidth and round trip time."""
        self.resumed = self.early_accepted = False
        """What came of the session ticket."""
        self._address: Any = None
        self._moving: asyncio.Task[None] | None = None
        self._moved_at = 0.0
        self._abandoned = False

    def resume_path(self, bandwidth: float, rtt: float) -> None:
        """Begin with what an earlier connection found (careful resume)."""
        self._internals.model.resume(bandwidth, rtt)

    def begin(self, address: Any) -> bool:
        """Shake hands with a gateway. Returns whether it may be spoken to at once."""
        self._address = address
        self.open_session(self._options)
        self.connect(address)
        self.early = self._internals.early
        return self.early

    def ping(self, n: int) -> None:
        silent_since = max(self.last_heard, self._moved_at)
        if self.now - silent_since > MOVE_AFTER and self._moving is None:
            self._moved_at = self.now
            self._moving = self._loop.create_task(self._move())
        super().ping(n)

    async def _move(self) -> None:
        """Go on from another socket (RFC 9000 section 9): the gateway follows."""
        try:
            sock = open_socket(_family(self._address), self._address)
            old = self._transport
            try:
                await self._loop.create_datagram_endpoint(lambda: self, sock=sock)
            except OSError:
                sock.close()
                raise
        except OSError as error:
            log.info("no other way to the gateway: %s", error)
            return
        else:
            old.close()
            if self.ended is not None or self._abandoned:
                self._transport.close()
                return
            self.stats.moves += 1
            self._quic.change_connection_id()
            self.transmit()
        finally:
            self._moving = None

    async def watch(self) -> str:
        """Ping until the connection has ended; return why it has."""
        n = 0
        while True:
            n += 1
            self.ping(n)
            self.transmit()
            slept_from = self.now
            try:
                async with asyncio.timeout(PING_INTERVAL):
                    await self.ended_event.wait()
                return self.why_ended()
            except TimeoutError:
                pass
            # A stall of this process is no silence of the other side.
            self.last_heard += max(0.0, self.now - slept_from - 2 * PING_INTERVAL)
            if self.now - self.last_heard > DEAD_AFTER:
                return f"nothing heard for {DEAD_AFTER} s"

    async def drain(self, secs: float) -> None:
        """Wait until the other side has confirmed everything on streams, but not for long."""
        until = self.now + secs
        while self.ended is None and self.unacknowledged and self.now < until:
            self.transmit()
            await asyncio.sleep(0.005)

    def abandon(self) -> None:
        """Say that the connection is over, and let go of it."""
        self.owner = None
        if self.give_back is not None and not self.handshake.done():
            self.give_back()
        if self.remember is not None and self.stood:
            model = self._internals.model
            self.remember(model.bandwidth, model.min_rtt)
        self._abandoned = True  # to a move under way, whose socket nobody else could close
        self.close()
        self._transport.close()

    @property
    def stood(self) -> bool:
        """The other side has completed the handshake: it has, or had, heard what was said."""
        handshake = self.handshake
        if not handshake.done() or handshake.cancelled() or handshake.exception() is not None:
            return False
        return handshake.result() is not None

    def why_ended(self) -> str:
        assert self.ended is not None
        return self.ended.reason_phrase or f"closed with code {self.ended.error_code}"

    def on_other(self, event: QuicEvent) -> None:
        super().on_other(event)
        match event:
            case HandshakeCompleted(alpn_protocol=alpn) if not self.handshake.done():
                self.resumed = event.session_resumed
                self.early_accepted = event.early_data_accepted
                self.last_heard = self.now
                self.handshake.set_result(alpn)
            case ConnectionTerminated():
                self.ended_event.set()
                if not self.handshake.done():
                    self.handshake.set_result(None)

    def error_received(self, exc: Exception) -> None:
        if not isinstance(exc, ConnectionRefusedError):
            return
        if not self.handshake.done() and not self.early:
            self.handshake.set_exception(exc)
        # Not proof enough to end calls: an ICMP message can be forged.
        self.last_heard = min(self.last_heard, self.now - DEAD_AFTER + _REFUSED_GRACE)


def open_socket(family: socket.AddressFamily, address: Any) -> socket.socket:
    """A UDP socket to an address. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sockets.bind_sizes(sock)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def _family(address: Any) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


class Dialer:
    """Knows an endpoint and how it proves itself."""

    def __init__(self, endpoint: str, tls: TlsOptions, packet_bytes: int) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._packet_bytes = packet_bytes
        self._home = self._at = Place.of(endpoint)
        self.direct = self._home.direct
        """To a gateway itself, not to a relay."""
        if not self.direct:
            # Not every server takes what loopback carries; this one is probed as any path is.
            self._packet_bytes = packet_bytes or sockets.PACKET_BYTES
        self._tickets = Tickets(CLIENT_TICKETS)
        self._path: tuple[Any, float, float, float] | None = None
        """An address, what the last connection to it found, and when it ended."""

    def go_to(self, uri: str) -> bool:
        """From now on connect there, as the other side has asked; back to the endpoint itself when
        that fails. False for what is no place of the same kind."""
        try:
            place = Place.of(uri)
        except ValueError:
            return False
        if place.direct != self.direct or len(uri) > MAX_URI:
            return False
        if place != self._at:
            self._at = place
            self._tickets.clear()
        return True

    async def dial(self, *, full: bool = False) -> ClientProtocol:
        """What `_dial` does, where the endpoint is now."""
        try:
            return await self._dial(full=full)
        except WireError as error:
            if self._at == self._home:
                raise
            log.warning("%s; back to %s", error, self._endpoint)
            self._at = self._home
            self._tickets.clear()
            return await self._dial(full=full)

    async def _dial(self, *, full: bool) -> ClientProtocol:
        """A connection whose handshake is complete, or which may be used before: with a ticket of
        an earlier one (0-RTT), unless it has to be `full`. Raises WireError."""
        loop = asyncio.get_running_loop()
        options = self._at.options
        address, family = await self._resolve()
        configuration = self._configuration(address[0])
        configuration.session_ticket = None if full else self._tickets.take_newest()
        quic = AioQuic(configuration=configuration, session_ticket_handler=self._tickets.add)
        try:
            sock = open_socket(family, address)
            _, protocol = await loop.create_datagram_endpoint(
                lambda: ClientProtocol(quic, options), sock=sock
            )
        except OSError as error:
            raise self._error(ErrorCode.CONNECTION_REFUSED, str(error)) from error
        self._take_up_path(protocol, address)
        try:
            if protocol.begin(address):
                ticket = configuration.session_ticket
                protocol.give_back = partial(self._tickets.add, ticket)
                return protocol
            async with asyncio.timeout(CONNECT_TIMEOUT):
                alpn = await protocol.handshake
            if protocol.ended is not None:
                raise self._terminated(protocol.ended)
            if alpn != ALPN:
                raise self._alpn_mismatch()
            return protocol
        except BaseException as error:
            protocol.abandon()
            match error:
                case TimeoutError():
                    raise self._error(
                        ErrorCode.CONNECTION_TIMEOUT,
                        f"no answer within {CONNECT_TIMEOUT:g} s; check the address, and that "
                        "UDP passes the firewalls between",
                    ) from None
                case ConnectionRefusedError():
                    raise self._error(
                        ErrorCode.CONNECTION_REFUSED,
                        "nobody listens there; start the gateway, or check the port",
                    ) from None
                case UnicodeError():
                    raise self._error(
                        ErrorCode.HOST_UNKNOWN, "TLS takes names in ASCII only; set tls.server_name"
                    ) from error
            raise

    def _take_up_path(self, protocol: ClientProtocol, address: Any) -> None:
        """Let a connection begin with what the last one to this address found, if that is fresh."""

        def remember(bandwidth: float, rtt: float) -> None:
            self._path = address, bandwidth, rtt, protocol.now

        protocol.remember = remember
        if self._path is not None:
            known, bandwidth, rtt, ended_at = self._path
            if known == address and protocol.now - ended_at < SAME_PATH_SECS:
                protocol.resume_path(bandwidth, rtt)

    async def _resolve(self) -> tuple[Any, socket.AddressFamily]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self._at.host, self._at.port, type=socket.SOCK_DGRAM
            )
        except (OSError, ValueError) as error:  # ValueError: it is no name at all
            raise self._error(ErrorCode.HOST_UNKNOWN, f"{self._at.host}: {error}") from error
        family, _, _, _, address = found[0]
        return address, family

    def _configuration(self, address: str) -> Any:
        size = self._packet_bytes or sockets.packet_bytes_to(address)
        configuration = sockets.configuration(is_client=True, packet_bytes=size)
        configuration.server_name = self._tls.server_name or self._at.host
        if self._tls.cert_file:
            self._show_certificate(configuration)
        if not self._tls.verify:
            configuration.verify_mode = ssl.CERT_NONE
        elif self._tls.ca_file:
            configuration.load_verify_locations(cadata=self._authorities())
        else:
            system = ssl.get_default_verify_paths()
            if system.cafile or system.capath:
                configuration.load_verify_locations(cafile=system.cafile, capath=system.capath)
        return configuration

    def _show_certificate(self, configuration: Any) -> None:
        """Our own, to a gateway that asks for one."""
        files = self._tls.cert_file, self._tls.key_file
        try:
            configuration.load_cert_chain(*files)
        except OSError as error:
            raise self._error(
                ErrorCode.CONFIGURATION,
                f"tls.cert_file, tls.key_file: {error.strerror}: {error.filename}",
            ) from error
        except (ValueError, TypeError, AssertionError) as error:
            raise self._error(
                ErrorCode.CONFIGURATION,
                f"tls.cert_file, tls.key_file: {' and '.join(files)} are not a certificate and "
                "its unencrypted key in PEM",
            ) from error

    def _authorities(self) -> bytes:
        """The certificates in `tls.ca_file`, known to be some."""
        path = self._tls.ca_file
        try:
            with open(path, "rb") as file:
                pem = file.read()
            load_pem_x509_certificates(pem)
        except OSError as error:
            raise self._error(
                ErrorCode.CONFIGURATION, f"tls.ca_file: {error.strerror}: {path}"
            ) from error
        except ValueError as error:
            raise self._error(
                ErrorCode.CONFIGURATION, f"tls.ca_file: {path} holds no PEM certificate"
            ) from error
        return pem

    def _terminated(self, event: ConnectionTerminated) -> WireError:
        alert = event.error_code - QuicErrorCode.CRYPTO_ERROR
        text = event.reason_phrase or f"code {event.error_code}"
        if alert == AlertDescription.no_application_protocol or "ALPN" in text:
            return self._alpn_mismatch()
        if AlertDescription.bad_certificate <= alert <= AlertDescription.unknown_ca:
            return self._error(
                ErrorCode.CERTIFICATE_REFUSED,
                f"{text}; set tls.ca_file to the authority that signed the gateway's certificate, "
                "and tls.server_name to the name in it",
            )
        if 0 <= alert < 256:
            return self._error(ErrorCode.CONNECTION_REFUSED, f"the TLS handshake failed: {text}")
        return self._error(ErrorCode.CONNECTION_REFUSED, f"closed by the gateway: {text}")

    def _alpn_mismatch(self) -> WireError:
        return self._error(
            ErrorCode.ALPN_MISMATCH,
            f'the server there does not speak "{ALPN}"; check that it is a gateway, and that '
            "plugin and gateway are of the same version",
        )

    def _error(self, code: ErrorCode, message: str) -> WireError:
        return WireError(code, f"{self._at.uri}: {message}")
