"""The media of one call of the SIP stack: our description of it, and what was negotiated."""

import logging
from typing import TYPE_CHECKING

import pjsua2 as pj

from sip_plugin.media.description import Direction, MediaDescription
from sip_plugin.sip import local_sdp, sdp
from sip_plugin.sip.errors import log_fault
from sip_plugin.sip.events import LocalMedia
from sip_plugin.sip.pj_stream import describe
from sip_plugin.sip.sdp_text import SdpError

if TYPE_CHECKING:
    from sip_plugin.sip.agent import UserAgent

log = logging.getLogger(__name__)


class CallMedia:
    def __init__(self, owner: "UserAgent", local: LocalMedia | None) -> None:
        self.local = local
        self.offer = ""
        """The far side's latest offer, as text; empty: it made none, we offer."""
        self.failure = ""
        """Why there is none."""
        self._owner = owner
        self._remote = ""
        """The far side's description that the latest one of ours answers; empty: its answer is
        to come."""
        self._described = ""
        """Our latest description, as it was sent."""
        self._agreed: MediaDescription | None = None

    def describe(self, sid: str, created: str, remote: str) -> str:
        """Our description, of the stack's own. Never fails: a declined stream ends in 488."""
        remote = remote or self.offer
        self.offer, self._remote = "", remote
        try:
            self._described = self._local_sdp(created, remote)
            return self._described
        except SdpError as error:
            self.failure = str(error)
            log.warning("call %s: no usable local SDP: %s", sid, error)
        except Exception:
            log_fault(log, "call %s: local SDP failed", sid)
        return local_sdp.declined(created, remote)

    def _local_sdp(self, created: str, remote: str) -> str:
        if self.local is None:
            raise SdpError("the call has no media port")
        codecs = self.local.codecs
        current = self._agreed.codec if self._agreed else None
        if remote:
            version = sdp.version_of(self.local.address)
            offer = sdp.read_offer(remote, version).with_srtp(self.local.srtp)
            chosen = current if current in offer.codecs else sdp.choose(offer, codecs)
            if chosen is None or offer.problem:
                raise SdpError(offer.problem or "no common codec")
            codecs = (chosen,)
        elif current is not None:
            codecs = (current,)
        return local_sdp.rewrite_local(created, self.local.address, self.local.port, codecs)

    def negotiated(self, call: pj.Call) -> MediaDescription | None:
        """What the stack has agreed on for `call`; None when that is nothing that we can carry."""
        info = call.getInfo()  # its media list is freed with it
        for media in info.media:
            # Video may come first: the audio's index is what counts.
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            if media.status in (pj.PJSUA_CALL_MEDIA_NONE, pj.PJSUA_CALL_MEDIA_ERROR):
                if self._agreed is None or media.status == pj.PJSUA_CALL_MEDIA_ERROR:
                    continue
                return self._agree(
                    self._agreed.model_copy(update={"direction": Direction.INACTIVE})
                )
            try:
                remote = self._remote or self._owner.latest_sdp
                found = describe(call.getStreamInfo(media.index), sdp.packet_ms(remote))
                return self._agree(self._secured(found, remote))
            except SdpError as error:
                self.failure = str(error)
                return None
            except pj.Error as error:
                self.failure = f"the stack has no stream: {error.reason}"
        return None

    def _agree(self, media: MediaDescription) -> MediaDescription:
        self._agreed = media
        return media

    def _secured(self, media: MediaDescription, remote: str) -> MediaDescription:
        """With the keys of SRTP. Raises SdpError rather than let plain audio out by mistake."""
        if self.local is None or self.local.srtp == "off":
            return media
        keys = sdp.srtp_keys(self._described, remote, media.remote_rtp_port)
        if keys is None and self.local.srtp == "required":
            raise SdpError('the far side did not agree on SRTP (srtp = "required")')
        return media.model_copy(update={"srtp": keys})
