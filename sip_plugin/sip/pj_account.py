"""One account of the SIP stack: registration, and the door that inbound calls come through."""

import ctypes
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pjsua2 as pj

from sip_plugin.media.description import SrtpSuite
from sip_plugin.sip import nat, sdp
from sip_plugin.sip.errors import StackError, log_fault
from sip_plugin.sip.events import Accept, Invite, Refuse, RegistrationChanged, Replacing
from sip_plugin.sip.message import parse, printable
from sip_plugin.sip.pj_call import PjCall
from sip_plugin.sip.referring import Malformed, replaces
from sip_plugin.sip.sdp import SrtpMode
from sip_plugin.sip.sdp_text import SdpError

if TYPE_CHECKING:
    from sip_plugin.sip.agent import UserAgent

log = logging.getLogger(__name__)

_SRTP_USES = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "required": pj.PJMEDIA_SRTP_MANDATORY,
}


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """Who we are to one far side. URIs are SIP URIs such as `sip:1001@sip.example.net`."""

    name: str
    uri: str
    registrar: str = ""
    """Empty: this account never registers."""
    proxy: str = ""
    """URI that every request of this account is sent to, whatever it is addressed to."""
    username: str = ""
    password: str = ""
    expires_secs: int = 3600
    transport: str = "udp"
    """What carries its requests: `udp`, `tcp` or `tls`."""
    contact: str = ""
    """URI that we are reached at; empty: as the transport has it."""
    srtp: SrtpMode = "off"
    keep_alive_secs: int = 15
    """0: none."""


class PjAccount(pj.Account):
    def __init__(self, owner: "UserAgent", options: AccountOptions) -> None:
        super().__init__()
        self._owner = owner
        self.options = options
        self.is_registered = False
        self._leaving = False
        self.connection = 0
        """The stack's handle of the TCP or TLS connection that it registered over."""

    @property
    def _version(self) -> int:
        """Of IP, which all addresses of a user agent have."""
        return sdp.version_of(self._owner.options.bind_address)

    def open(self) -> None:
        """Raises StackError when the stack cannot use the options."""
        try:
            self.create(self._config())
        except pj.Error as error:
            raise StackError(f"account {self.options.name}: {error.reason}") from error

    def change(self, options: AccountOptions) -> None:
        """Raises StackError when the stack cannot use the options; then it has those it had."""
        before, self.options = self.options, options
        try:
            self.modify(self._config())
        except pj.Error as error:
            self.options = before
            raise StackError(f"account {options.name}: {error.reason}") from error

    def _config(self) -> pj.AccountConfig:
        options = self.options
        config = pj.AccountConfig()
        config.idUri = options.uri
        config.regConfig.registrarUri = options.registrar
        config.regConfig.registerOnAdd = False
        # Retries are ours: the stack never retries a 403, and knows no back-off.
        config.regConfig.retryIntervalSec = 0
        config.regConfig.firstRetryIntervalSec = 0
        config.regConfig.timeoutSec = options.expires_secs
        config.regConfig.unregWaitMsec = 100
        if (number := self._owner.own_listener(options.name)) is not None:
            config.sipConfig.transportId = number
        if options.contact:
            config.sipConfig.contactForced = options.contact
            config.natConfig.contactRewriteUse = 0
        if options.proxy:
            config.sipConfig.proxies.append(options.proxy)
        if options.username:
            credential = pj.AuthCredInfo("digest", "*", options.username, 0, options.password)
            config.sipConfig.authCreds.append(credential)
        # A media transport without sockets: RTP is not the stack's.
        config.mediaConfig.useLoopMedTp = True
        config.mediaConfig.enableLoopback = False
        config.mediaConfig.srtpUse = _SRTP_USES[options.srtp]
        config.mediaConfig.srtpSecureSignaling = 0  # a warning, not a refusal: it is the user's
        config.mediaConfig.srtpOpt.keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
        for suite in SrtpSuite:
            # Named, since the stack prefers AES_256_CM, which the media plane does not have.
            crypto = pj.SrtpCrypto()
            crypto.name = suite.value
            config.mediaConfig.srtpOpt.cryptos.append(crypto)
        config.natConfig.iceEnabled = False
        if self._version == 6:
            config.sipConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY
        config.natConfig.udpKaIntervalSec = options.keep_alive_secs
        return config

    def register(self) -> None:
        """Raises StackError when one is under way, or the registrar's name cannot be used."""
        self._leaving = False
        try:
            self.setRegistration(True)
        except pj.Error as error:
            raise StackError(f"account {self.options.name}: {error.reason}") from error

    def unregister(self) -> None:
        """Does nothing while a REGISTER is under way; ask again then."""
        if not self.is_registered or self._leaving:
            return
        try:
            self.setRegistration(False)
            self._leaving = True
        except pj.Error as error:
            log.debug("account %s: cannot unregister: %s", self.options.name, error.reason)

    # --- callbacks of the stack: short, and never let an exception out -------------------

    def onRegState(self, prm: pj.OnRegStateParam) -> None:
        try:
            code, expires = int(prm.code), int(prm.expiration)
            granted = code // 100 == 2 and 0 < expires < 2**31
            self.is_registered = granted
            self._leaving = False
            self.connection = self._connection_of(prm.rdata) if granted else 0
            event = RegistrationChanged(
                self.options.name,
                code,
                printable(str(prm.reason)),
                expires if granted else 0,
                parse(prm.rdata.wholeMsg).retry_after_secs,
            )
            self._owner.emit(event)
        except Exception:
            log_fault(log, "account %s: registration state lost", self.options.name)

    def _connection_of(self, received: pj.SipRxData) -> int:
        """Of the transport that a message came by (`pjsip_rx_data.tp_info`, sip_transport.h)."""
        if self.options.transport == "udp" or not received.pjRxData:
            return 0
        pool_and_transport = (ctypes.c_void_p * 2).from_address(int(received.pjRxData))
        return pool_and_transport[1] or 0

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        call = None
        try:
            call = PjCall.inbound(self._owner, self, prm.callId)
            message = parse(prm.rdata.wholeMsg)
            invite = self._invite(call, message.sdp, prm)
            decision = invite if isinstance(invite, Refuse) else self._owner.decide(invite)
            if isinstance(decision, Accept):
                call.accept(decision.local, message.sdp)
                call.sid = decision.sid or call.sid
                call.lead_back(nat.way_back(message, invite.source))
                self._owner.adopt(call)
            else:
                call.turn_away(decision)
        except Exception:
            log_fault(log, "account %s: an INVITE could not be handled", self.options.name)
            if call is not None:
                call.turn_away(Refuse(500, "Server Internal Error"))

    def _invite(self, call: PjCall, offer: str, prm: pj.OnIncomingCallParam) -> Invite | Refuse:
        message = parse(prm.rdata.wholeMsg)
        host, _, port = prm.rdata.srcAddress.rpartition(":")
        try:
            read = sdp.read_offer(offer, self._version) if offer else None
        except SdpError as error:
            log.warning("INVITE from %s has an unusable SDP: %s", host, error)
            return Refuse(488, "Not Acceptable Here")
        call.dialog_id = message.headers.get("call-id", "")
        try:
            replaced = replaces(message)
            replacing = self._owner.leg_of(replaced) if replaced else None
        except Malformed as error:
            replacing = Replacing(code=400, why=str(error))
        return Invite(
            sid=call.sid,
            source=(host.strip("[]"), int(port)),
            caller=message.caller,
            called=message.called,
            offer=read,
            headers=message.extra_headers,
            asserted=message.asserted,
            privacy=message.privacy,
            account=self.options.name,
            replaces=replacing,
        )

    def onIncomingSubscribe(self, prm: pj.OnIncomingSubscribeParam) -> None:
        # Left at its default the stack would keep a subscription for any stranger.
        prm.code = 403
