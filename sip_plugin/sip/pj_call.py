"""One call of the SIP stack, with our media port in its SDP."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pjsua2 as pj

from sip_plugin.sip import dialogs, info
from sip_plugin.sip.errors import StackError, log_fault
from sip_plugin.sip.events import (
    Confirmed,
    Digit,
    Ended,
    LocalMedia,
    MediaChanged,
    MediaRefused,
    OfferRefused,
    Progress,
    Referred,
    Refuse,
    TransferProgress,
)
from sip_plugin.sip.message import Message, parse, printable
from sip_plugin.sip.pj_headers import headers_option
from sip_plugin.sip.pj_media import CallMedia
from sip_plugin.sip.pj_reports import Reports
from sip_plugin.sip.referring import Malformed, refer_to, referred_by, wants_no_reports
from sip_plugin.sip.sids import new_sid

if TYPE_CHECKING:
    from sip_plugin.sip.agent import UserAgent
    from sip_plugin.sip.pj_account import PjAccount

log = logging.getLogger(__name__)


class PjCall(pj.Call):
    def __init__(
        self,
        owner: "UserAgent",
        account: "PjAccount",
        sid: str,
        local: LocalMedia | None,
        call_id: int = pj.PJSUA_INVALID_ID,
    ) -> None:
        super().__init__(account, call_id)
        self.sid = sid
        self._owner = owner
        self._sdp = CallMedia(owner, local)
        self._reports = Reports(owner)
        self._ended_by_us = False
        self._silent = False
        """Ended before anyone was told of it: no events."""
        self.dialog_id = ""
        """Its Call-ID."""
        self.confirmed = False
        self._far_reason = ""
        """The Reason header of what ended it, as the far side gave it (RFC 3326)."""
        self._way_back = ""
        """Where its requests are to go, once its dialog has our tag; empty: as its Contact says."""

    @classmethod
    def inbound(cls, owner: "UserAgent", account: "PjAccount", call_id: int) -> "PjCall":
        return cls(owner, account, new_sid(), None, call_id)

    # --- what the user agent asks --------------------------------------------------------

    def dial(self, uri: str, headers: Sequence[tuple[str, str]], local_uri: str) -> None:
        """Raises pj.Error."""
        prm = self._with_audio(headers)
        prm.txOption.localUri = local_uri
        self.makeCall(uri, prm)
        self.dialog_id = str(self.getInfo().callIdString)

    def accept(self, local: LocalMedia, offer: str) -> None:
        self._sdp.local, self._sdp.offer = local, offer

    def lead_back(self, to: str) -> None:
        """Send requests to the URI `to`: the Contact of the INVITE leads nowhere. Empty: it does
        not."""
        self._way_back = to

    def turn_away(self, refusal: Refuse) -> None:
        """Refuse an INVITE that never becomes a call.

        Once the stack has come back from its callback: an answer before its media is set up
        loses its headers.
        """
        self._silent = True
        self._owner.adopt(self)
        self._owner.later(lambda: self.end(refusal.code, refusal.reason, refusal.headers))

    def reply(self, code: int, reason: str, headers: Sequence[tuple[str, str]]) -> None:
        prm = self._with_audio(headers)
        prm.statusCode, prm.reason = code, reason
        if code >= 300:
            self._ended_by_us = True
        self._try("answer", self.answer, prm)

    def end(self, code: int, reason: str, headers: Sequence[tuple[str, str]]) -> None:
        if self._ended_by_us:
            return
        self._ended_by_us = True
        prm = pj.CallOpParam()
        if not self.confirmed:
            # With a code the stack would write a Reason of its own into a BYE.
            prm.statusCode, prm.reason = code, printable(reason)
        prm.txOption = headers_option(headers)
        try:
            self.hangup(prm)
        except pj.Error as error:
            # It ended by itself in the meantime: what was asked has happened.
            log.debug("call %s: not hung up: %s", self.sid, error.reason)
            if not self.isActive():
                self._disconnected(code, reason)

    def is_lost(self) -> bool:
        """The stack has dropped it, before it was answered, without a word."""
        return not self.confirmed and not self._ended_by_us and not self.isActive()

    def lose(self) -> None:
        self._ended_by_us = True  # its number at the stack may be another call's: hands off
        self._disconnected(500, "dropped by the SIP stack")

    def put_on_hold(self) -> None:
        self._try("hold", self.setHold, self._with_audio(()))

    def take_off_hold(self) -> None:
        prm = self._with_audio(())
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._try("resume", self.reinvite, prm)

    def press(self, key: str) -> None:
        """A key by SIP INFO."""
        prm = pj.CallSendDtmfParam()
        prm.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
        prm.digits, prm.duration = key, info.USUAL_MS
        self._try("send a key", self.sendDtmf, prm)

    def refer(self, target: str, headers: Sequence[tuple[str, str]]) -> None:
        prm = pj.CallOpParam()
        prm.txOption = headers_option(headers)
        self._try("transfer", self.xfer, target, prm)

    def refer_to_call(self, other: "PjCall") -> None:
        self._try("connect", self.xferReplaces, other, pj.CallOpParam())

    def notify(self, event: str, code: int, reason: str, final: bool) -> None:
        request = Reports.request(event, code, reason, final)
        self._try("notify", self.sendRequest, request)

    def forget(self) -> None:
        self._silent = True

    def _try(self, what: str, method, *args) -> None:
        try:
            method(*args)
        except pj.Error as error:
            raise StackError(f"call {self.sid}: cannot {what}: {error.reason}") from error

    def _with_audio(self, headers: Sequence[tuple[str, str]]) -> pj.CallOpParam:
        prm = pj.CallOpParam(True)
        prm.opt.audioCount, prm.opt.videoCount = 1, 0
        prm.opt.textCount = 0  # pjproject 2.17 offers real-time text by itself
        prm.txOption = headers_option(headers)
        return prm

    # --- callbacks of the stack: short, and never let an exception out -------------------

    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:
        # An exception here would send a 200 with a port that is nobody's; a hangup, no final
        # answer at all. A declined stream ends in 488.
        if self._silent:
            return  # about to be refused: never sent
        created = prm.sdp.wholeSdp
        prm.sdp.wholeSdp = self._sdp.describe(self.sid, created, prm.remSdp.wholeSdp)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        try:
            media = self._sdp.negotiated(self)
            if media is not None:
                self._owner.emit(MediaChanged(self.sid, media))
            elif not self._silent:
                reason = self._sdp.failure or "no audio stream was agreed"
                self._owner.emit(MediaRefused(self.sid, reason))
        except Exception:
            log_fault(log, "call %s: media state lost", self.sid)
            self._owner.emit(MediaRefused(self.sid, "media state lost"))

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        try:
            info = self.getInfo()
            if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
                self._disconnected(int(info.lastStatusCode), printable(str(info.lastReason)))
            elif self._silent:
                return
            elif info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
                reason = printable(str(info.lastReason))
                self._owner.emit(Progress(self.sid, int(info.lastStatusCode), reason))
            elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
                self.confirmed = True
                self._owner.emit(Confirmed(self.sid))
        except Exception:
            log_fault(log, "call %s: call state lost", self.sid)

    def _disconnected(self, code: int, reason: str) -> None:
        if not self._silent:
            told = Ended(self.sid, code, reason, self._ended_by_us, self._far_reason)
            self._owner.emit(told)
        self._reports.forget()
        self._owner.bury(self)

    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:
        try:
            self._on_transaction(prm.e.body.tsxState)
        except Exception:
            log_fault(log, "call %s: a transaction could not be followed", self.sid)

    def _on_transaction(self, event: pj.TsxStateEvent) -> None:
        tsx = event.tsx
        if event.type == pj.PJSIP_EVENT_TX_MSG and self._way_back:
            self._turn_back(parse(event.src.tdata.wholeMsg))
        method = str(tsx.method)
        if method == "NOTIFY" and tsx.role == pj.PJSIP_ROLE_UAC:
            self._reports.follow(self.sid, event)
        if event.type != pj.PJSIP_EVENT_RX_MSG:
            return
        if tsx.role == pj.PJSIP_ROLE_UAS:
            if tsx.state != pj.PJSIP_TSX_STATE_TRYING:
                return
            if method in ("BYE", "CANCEL"):
                self._far_reason = parse(event.src.rdata.wholeMsg).reason
            elif method == "INFO":
                self._on_info(event.src.rdata)
            elif method == "REFER":
                self._on_refer(event.src.rdata)
        elif method == "INVITE" and tsx.statusCode >= 300:
            self._far_reason = parse(event.src.rdata.wholeMsg).reason
            if self.confirmed and tsx.statusCode not in (401, 407):
                self._owner.emit(OfferRefused(self.sid, int(tsx.statusCode)))

    def _turn_back(self, answer: Message) -> None:
        """`answer`: ours to the INVITE, or another message of the call."""
        if not dialogs.tag_of(answer.headers.get("to", "")):
            return  # 100 Trying
        to, self._way_back = self._way_back, ""
        dialog = dialogs.of_message(answer, ours="to")
        if dialog and dialogs.lead(dialog, to):
            log.info("call %s: its phone is behind NAT, requests go to %s", self.sid, to)
        else:
            log.warning("call %s: its phone is behind NAT, BYE may not reach it", self.sid)

    def _on_info(self, received: pj.SipRxData) -> None:
        known = info.read(parse(received.wholeMsg))
        if known is None:
            return
        code, key = known
        dialogs.answer(int(received.pjRxData), code)
        if key:
            self._owner.emit(Digit(self.sid, key, info.USUAL_MS))

    def _on_refer(self, received: pj.SipRxData) -> None:
        """Answered here: the stack by itself would dial, and hand us a call of its own making."""
        message = parse(received.wholeMsg)
        silent = wants_no_reports(message)
        try:
            number = message.headers.get("cseq", "").split()[0]
            event = "" if silent else f"refer;id={number}"
            asked = Referred(self.sid, refer_to(message), event, referred_by(message))
            code = self._owner.asked_to_refer(asked)
        except Malformed as error:
            log.info("call %s: REFER refused: %s", self.sid, error)
            code = 400
        headers = (("Refer-Sub", "false"),) if silent and code // 100 == 2 else ()
        dialogs.answer(int(received.pjRxData), code, headers)

    def onCallRxOffer(self, prm: pj.OnCallRxOfferParam) -> None:
        # A re-INVITE or an UPDATE. The binding loses an SDP above some 1015 bytes.
        self._sdp.offer = prm.offer.wholeSdp or self._owner.latest_sdp

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        # Answered before this is asked. The default dials whatever a stranger names.
        prm.statusCode = 603

    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        # Only asked where the header could not be hidden. Accepted by default, with our media
        # port handed to the new call.
        prm.statusCode, prm.reason = 486, "Busy Here"

    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:
        try:
            reason = printable(str(prm.reason))
            event = TransferProgress(self.sid, int(prm.statusCode), reason, bool(prm.finalNotify))
            self._owner.emit(event)
        except Exception:
            log_fault(log, "call %s: transfer state lost", self.sid)

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        # RFC 4733 digits never come here, the stack sees no RTP: this is INFO.
        try:
            duration = min(max(int(prm.duration), 0), 10_000)
            if key := info.key_of(str(prm.digit)[:1]):
                self._owner.emit(Digit(self.sid, key, duration))
        except Exception:
            log_fault(log, "call %s: digit lost", self.sid)
