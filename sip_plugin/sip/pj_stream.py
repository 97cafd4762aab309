"""A stream that the SIP stack has negotiated, in the terms of RTP."""

import pjsua2 as pj

from sip_plugin.media.description import Direction, MediaDescription, PhoneCodec

_CODECS = {"PCMU": PhoneCodec.ULAW, "PCMA": PhoneCodec.ALAW, "G722": PhoneCodec.G722}
_DIRECTIONS = {
    pj.PJMEDIA_DIR_NONE: Direction.INACTIVE,
    pj.PJMEDIA_DIR_ENCODING: Direction.SENDONLY,
    pj.PJMEDIA_DIR_DECODING: Direction.RECVONLY,
    pj.PJMEDIA_DIR_ENCODING_DECODING: Direction.SENDRECV,
}


def describe(info: pj.StreamInfo, ptime_ms: int) -> MediaDescription:
    """The negotiated stream in the terms of RTP; of packet lengths the stack knows its own only."""
    address, rtp = _host_port(info.remoteRtpAddress)
    _, rtcp = _host_port(info.remoteRtcpAddress)
    return MediaDescription(
        codec=_CODECS[info.codecName.upper()],
        remote_address=address,
        remote_rtp_port=rtp,
        remote_rtcp_port=rtcp or min(rtp + 1, 65535),
        tx_payload_type=info.txPt,
        rx_payload_type=info.rxPt,
        tx_event_payload_type=info.audTxEventPt,
        rx_event_payload_type=info.audRxEventPt,
        ptime_ms=ptime_ms,
        direction=_DIRECTIONS[info.dir],
    )


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port or 0)
