"""The SIP stack of this process: how it is configured, started and kept quiet."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pjsua2 as pj

from sip_plugin.media.description import PhoneCodec
from sip_plugin.sip import sdp, stack_settings
from sip_plugin.sip.errors import StackError, log_fault
from sip_plugin.sip.events import CallTurnedAway, Event, TlsRefused
from sip_plugin.sip.message import parse, printable
from sip_plugin.sip.route_guard import RouteGuard
from sip_plugin.sip.sdp_guard import SdpGuard
from sip_plugin.sip.tls import TlsOptions, checked

log = logging.getLogger(__name__)

_KINDS = {
    "udp": pj.PJSIP_TRANSPORT_UDP,
    "tcp": pj.PJSIP_TRANSPORT_TCP,
    "tls": pj.PJSIP_TRANSPORT_TLS,
}
_KINDS_V6 = {
    "udp": pj.PJSIP_TRANSPORT_UDP6,
    "tcp": pj.PJSIP_TRANSPORT_TCP6,
    "tls": pj.PJSIP_TRANSPORT_TLS6,
}
_PROTOCOLS = {
    "1.2": pj.PJ_SSL_SOCK_PROTO_TLS1_2 | pj.PJ_SSL_SOCK_PROTO_TLS1_3,
    "1.3": pj.PJ_SSL_SOCK_PROTO_TLS1_3,
}
_KEY = re.compile(r"(inline:)[A-Za-z0-9+/=]+", re.IGNORECASE)
"""A key of SRTP in a session description (RFC 4568 section 9.2)."""
_LOST = (pj.PJSIP_TP_STATE_DISCONNECTED, pj.PJSIP_TP_STATE_SHUTDOWN)

_CODEC_IDS = {
    PhoneCodec.ULAW: "PCMU/8000",
    PhoneCodec.ALAW: "PCMA/8000",
    PhoneCodec.G722: "G722/16000",
}


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket of TCP or TLS, from which connections are made too."""

    transport: str
    host: str
    port: int
    """0: any free one."""
    trunk: str = ""
    """Of one account alone."""
    tls: TlsOptions | None = None
    """Its own; None: those of all."""


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """One user agent. Ports 0: any free one."""

    bind_address: str = "127.0.0.1"
    port: int = 0
    public_address: str = ""
    """Address in Contact and Via where it differs from the bound one."""
    user_agent: str = "clutchcall-sip-plugin"
    max_calls: int = 4
    nameservers: tuple[str, ...] = ()
    """Asked for names, SRV records first; none: the system is, which all calls wait for."""
    listeners: tuple[Listener, ...] = ()
    """Besides the one of UDP."""
    tls: TlsOptions = field(default_factory=TlsOptions)


class Endpoint(pj.Endpoint):
    """The stack, and what it refuses without asking."""

    def __init__(
        self,
        emit: Callable[[Event], None],
        connection_lost: Callable[[int, str], None],
        account_of: Callable[[str, str], int],
    ) -> None:
        """`connection_lost` is told the stack's handle of a connection that is gone, and why;
        `account_of` tells the stack's number of the account that a call from an address to a
        user name belongs to, -1 when it does not know.
        """
        super().__init__()
        self._account_of = account_of
        self._emit = emit
        self._connection_lost = connection_lost
        self.guard = SdpGuard(sdp.hazard)
        self.route_guard = RouteGuard()
        self.transport_of: dict[str, int] = {}
        """The stack's number of the listener that is of one account alone, by the account."""

    def onRejectedIncomingCall(self, prm: pj.OnRejectedIncomingCallParam) -> None:
        try:
            called = parse(prm.rdata.wholeMsg).called
            self._emit(CallTurnedAway(int(prm.statusCode), str(prm.reason), called))
        except Exception:
            log_fault(log, "a refused call could not be reported")

    def onSelectAccount(self, prm: pj.OnSelectAccountParam) -> None:
        # The stack's own choice goes by names that a stranger writes; SRTP depends on it.
        try:
            message = parse(prm.rdata.wholeMsg)
            host = prm.rdata.srcAddress.rpartition(":")[0].strip("[]")
            chosen = self._account_of(host, message.called)
            if chosen >= 0:
                prm.accountIndex = chosen
        except Exception:
            log_fault(log, "no account could be chosen")

    def onTransportState(self, prm: pj.OnTransportStateParam) -> None:
        try:
            if prm.state not in _LOST or prm.type.startswith("UDP"):
                return
            problems = [printable(str(text)) for text in prm.tlsInfo.verifyMsgs]
            why = reason_of(prm.lastError)
            if prm.state == pj.PJSIP_TP_STATE_DISCONNECTED and prm.tlsInfo.verifyStatus:
                why = ", ".join(problems) or why
                self._emit(TlsRefused(printable(str(prm.tlsInfo.remoteAddr)), why))
            self._connection_lost(int(prm.hnd), why)
        except Exception:
            log_fault(log, "the end of a connection could not be reported")


def reason_of(status: int) -> str:
    """What a status of the stack means; empty for success."""
    return printable(pj.Endpoint.instance().utilStrError(status)) if status else ""


def masked(text: str) -> str:
    """A message without the keys of its SRTP."""
    return _KEY.sub(r"\1********", text)


class _Log(pj.LogWriter):
    """The stack's own log, which is shown at level debug only."""

    def write(self, entry: pj.LogEntry) -> None:
        log.debug("%s", masked(entry.msg).rstrip())


def open_endpoint(
    options: AgentOptions,
    emit: Callable[[Event], None],
    connection_lost: Callable[[int, str], None],
    account_of: Callable[[str, str], int],
) -> Endpoint:
    """Start the stack without threads, sound devices and media sockets. Raises StackError."""
    options = _with_files_read(options)
    stack_settings.quieten()
    stack_settings.tune()
    endpoint = Endpoint(emit, connection_lost, account_of)
    where = ""
    try:
        endpoint.libCreate()
        endpoint.libInit(_endpoint_config(options, endpoint))
        endpoint.guard.install()
        endpoint.route_guard.install()
        # A null device that never closes itself clocks the conference, whose slots would not
        # be freed otherwise: every INVITE got 488 after some 250 calls.
        endpoint.audDevManager().setNullDev()
        _keep_codecs(endpoint)
        for listener in (Listener("udp", options.bind_address, options.port), *options.listeners):
            where = f" on {listener.host}:{listener.port} ({listener.transport.upper()})"
            number = _listen(endpoint, listener, options)
            if listener.trunk:
                endpoint.transport_of[listener.trunk] = number
        where = ""
        endpoint.libStart()
    except pj.Error as error:
        reason = error.reason
        endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
        raise StackError(f"cannot start SIP{where}: {reason}") from error
    return endpoint


def _with_files_read(options: AgentOptions) -> AgentOptions:
    """Raises StackError."""
    if any(at.transport == "tls" and at.tls is None for at in options.listeners):
        options = replace(options, tls=checked(options.tls))
    own = tuple(
        replace(at, tls=checked(at.tls, f"trunks.{at.trunk}.tls")) if at.tls is not None else at
        for at in options.listeners
    )
    return replace(options, listeners=own)


def _listen(endpoint: Endpoint, listener: Listener, options: AgentOptions) -> int:
    """The stack's number of it. Raises pj.Error."""
    transport = pj.TransportConfig()
    transport.port = listener.port
    transport.boundAddress = "" if listener.host in ("0.0.0.0", "::") else listener.host
    transport.publicAddress = options.public_address
    if listener.transport == "tls":
        tls, files = transport.tlsConfig, listener.tls or options.tls
        tls.CaListFile = files.ca_file
        tls.certFile, tls.privKeyFile = files.cert_file, files.key_file
        tls.verifyServer, tls.verifyClient = files.verify, files.verify_client
        tls.requireClientCert = files.verify_client
        tls.proto = _PROTOCOLS[files.min_version]
    kinds = _KINDS_V6 if ":" in listener.host else _KINDS
    return endpoint.transportCreate(kinds[listener.transport], transport)


def _endpoint_config(options: AgentOptions, endpoint: Endpoint) -> pj.EpConfig:
    config = pj.EpConfig()
    config.uaConfig.maxCalls = options.max_calls
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.natTypeInSdp = 0
    for server in options.nameservers:
        config.uaConfig.nameserver.append(server)
    config.uaConfig.userAgent = options.user_agent
    config.medConfig.hasIoqueue = False
    config.medConfig.threadCnt = 0
    config.medConfig.clockRate = 8000
    config.medConfig.sndClockRate = 8000
    config.medConfig.ptime = 20
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    config.medConfig.sndAutoCloseTime = -1
    config.logConfig.consoleLevel = 0
    config.logConfig.level = 4 if log.isEnabledFor(logging.DEBUG) else 0
    config.logConfig.msgLogging = log.isEnabledFor(logging.DEBUG)
    if log.isEnabledFor(logging.DEBUG):
        # The library keeps a bare pointer to the writer, and deletes it at its end.
        endpoint.writer = _Log().__disown__()
        config.logConfig.writer = endpoint.writer
    return config


def _keep_codecs(endpoint: Endpoint) -> None:
    """Only what the media plane speaks: the stack would negotiate speex, iLBC and others."""
    ours = set(_CODEC_IDS.values())
    for codec in endpoint.codecEnum2():
        name = "/".join(codec.codecId.split("/")[:2])
        endpoint.codecSetPriority(codec.codecId, 128 if name in ours else 0)


def bound_port(endpoint: pj.Endpoint) -> int:
    transport = endpoint.transportGetInfo(endpoint.transportEnum()[0])
    return int(transport.localName.rpartition(":")[2])
