"""The SIP stack of this process: how it is configured, started and kept quiet."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import pjsua2 as pj

from sip_plugin.media.description import PhoneCodec
from sip_plugin.sip import sdp, stack_settings
from sip_plugin.sip.errors import StackError, log_fault
from sip_plugin.sip.events import CallTurnedAway, Event
from sip_plugin.sip.message import parse
from sip_plugin.sip.sdp_guard import SdpGuard

log = logging.getLogger(__name__)

_CODEC_IDS = {
    PhoneCodec.ULAW: "PCMU/8000",
    PhoneCodec.ALAW: "PCMA/8000",
    PhoneCodec.G722: "G722/16000",
}


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """One user agent. Ports 0: any free one."""

    bind_address: str = "127.0.0.1"
    port: int = 0
    public_address: str = ""
    """Address in Contact and Via where it differs from the bound one."""
    user_agent: str = "clutchcall-sip-plugin"
    max_calls: int = 4


class Endpoint(pj.Endpoint):
    """The stack, and what it refuses without asking."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        super().__init__()
        self._emit = emit
        self.guard = SdpGuard(sdp.hazard)

    def onRejectedIncomingCall(self, prm: pj.OnRejectedIncomingCallParam) -> None:
        try:
            called = parse(prm.rdata.wholeMsg).called
            self._emit(CallTurnedAway(int(prm.statusCode), str(prm.reason), called))
        except Exception:
            log_fault(log, "a refused call could not be reported")


class _Log(pj.LogWriter):
    """The stack's own log, which is shown at level debug only."""

    def write(self, entry: pj.LogEntry) -> None:
        log.debug("%s", entry.msg.rstrip())


def open_endpoint(options: AgentOptions, emit: Callable[[Event], None]) -> Endpoint:
    """Start the stack without threads, sound devices and media sockets. Raises StackError."""
    stack_settings.quieten()
    stack_settings.tune()
    endpoint = Endpoint(emit)
    try:
        endpoint.libCreate()
        endpoint.libInit(_endpoint_config(options, endpoint))
        endpoint.guard.install()
        # A null device that never closes itself clocks the conference, whose slots would not
        # be freed otherwise: every INVITE got 488 after some 250 calls.
        endpoint.audDevManager().setNullDev()
        _keep_codecs(endpoint)
        transport = pj.TransportConfig()
        transport.port = options.port
        transport.boundAddress = "" if options.bind_address == "0.0.0.0" else options.bind_address
        transport.publicAddress = options.public_address
        endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        endpoint.libStart()
    except pj.Error as error:
        reason = error.reason
        endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
        where = f"{options.bind_address}:{options.port}"
        raise StackError(f"cannot start SIP on {where}: {reason}") from error
    return endpoint


def _endpoint_config(options: AgentOptions, endpoint: Endpoint) -> pj.EpConfig:
    config = pj.EpConfig()
    config.uaConfig.maxCalls = options.max_calls
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.natTypeInSdp = 0
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
