"""What an SDP negotiation arrived at, in the terms of RTP."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from bridge.secret import Secret


class PhoneCodec(StrEnum):
    ULAW = "g711_ulaw"
    ALAW = "g711_alaw"
    G722 = "g722"

    @property
    def payload_type(self) -> int:
        """Static payload type (RFC 3551 section 6)."""
        return {PhoneCodec.ULAW: 0, PhoneCodec.ALAW: 8, PhoneCodec.G722: 9}[self]


class Direction(StrEnum):
    """Seen from us (RFC 3264 section 5)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)


class SrtpSuite(StrEnum):
    """RFC 4568 section 6.2; 80 or 32 bits of authentication."""

    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"


class SrtpKeys(BaseModel):
    """Master key and salt of each way, 30 bytes in base64."""

    model_config = ConfigDict(frozen=True)

    suite: SrtpSuite
    send: Secret
    receive: Secret


class MediaDescription(BaseModel):
    """One negotiated audio stream. Ports 0 and address 0.0.0.0 mean: nowhere to send yet."""

    model_config = ConfigDict(frozen=True)

    codec: PhoneCodec
    remote_address: str
    remote_rtp_port: int = Field(ge=0, le=65535)
    remote_rtcp_port: int = Field(ge=0, le=65535)
    tx_payload_type: int = Field(ge=0, le=127)
    rx_payload_type: int = Field(ge=0, le=127)
    tx_event_payload_type: int = Field(-1, ge=-1, le=127)
    """RFC 4733 telephone-event; -1 when the peer takes none."""
    rx_event_payload_type: int = Field(-1, ge=-1, le=127)
    ptime_ms: int = Field(20, ge=10, le=60)
    direction: Direction = Direction.SENDRECV
    srtp: SrtpKeys | None = None
    """None: plain RTP."""
