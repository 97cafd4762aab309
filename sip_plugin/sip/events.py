"""What a user agent reports, and what it is asked: small values, free of pjsua2."""

from dataclasses import dataclass, field

from sip_plugin.media.description import MediaDescription, PhoneCodec
from sip_plugin.sip.message import printable
from sip_plugin.sip.referring import ReferTo
from sip_plugin.sip.sdp import AudioOffer, SrtpMode


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Where a call's RTP is received, by sockets that the caller of the API owns.

    RTCP is one port above. `codecs` are what may be offered or answered, best first.
    """

    address: str
    port: int
    codecs: tuple[PhoneCodec, ...] = (PhoneCodec.ULAW, PhoneCodec.ALAW)
    srtp: SrtpMode = "off"


# --- asked while an INVITE waits for its answer ------------------------------------------


@dataclass(frozen=True, slots=True)
class Invite:
    """An INVITE outside any call. Strings are bounded and may hold anything a stranger wrote."""

    sid: str
    source: tuple[str, int]
    """Address and port that the packet came from."""
    caller: str
    """User part of From."""
    called: str
    """User part of the request URI."""
    offer: AudioOffer | None
    """None: no SDP, we make the offer in the 200."""
    headers: dict[str, str] = field(default_factory=dict)
    """X- headers."""
    asserted: str = ""
    """User part of P-Asserted-Identity (RFC 3325): worth as much as whoever sends it."""
    privacy: str = ""
    """The Privacy header (RFC 3323)."""
    account: str = ""
    replaces: "Replacing | None" = None
    """It wants the place of another call (RFC 3891)."""


@dataclass(frozen=True, slots=True)
class Replacing:
    """`leg` is that other call's sid; without one `code` and `why` say what is wrong."""

    leg: str = ""
    code: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Referred:
    """A REFER within a call (RFC 3515)."""

    sid: str
    to: ReferTo
    event: str
    """What the Event header of NOTIFYs about it says; empty: none are wanted."""
    referred_by: str = ""

    @property
    def shown(self) -> str:
        return printable(self.to.address or self.to.user)[:256]


@dataclass(frozen=True, slots=True)
class Accept:
    """The call goes on with this local media; ring and answer it with `UserAgent.answer`."""

    local: LocalMedia
    sid: str = ""
    """Another name for it from now on."""


@dataclass(frozen=True, slots=True)
class Refuse:
    code: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


# --- reported ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    pass


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """The far side of an outbound call answered with a provisional code (180, 183)."""

    sid: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class MediaChanged(Event):
    """SDP was negotiated, for the first time or anew (hold, address, codec)."""

    sid: str
    media: MediaDescription


@dataclass(frozen=True, slots=True)
class MediaRefused(Event):
    """Negotiation left the call without audio that we could carry."""

    sid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Confirmed(Event):
    """The 200 was acknowledged (inbound) or received (outbound)."""

    sid: str


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The call is over; the last event of its sid.

    `by_us`: we hung up, refused or cancelled it. Otherwise `code` is the far side's, 200 for
    a BYE, 487 for a CANCEL, 408 when nothing came.
    """

    sid: str
    code: int
    reason: str
    by_us: bool
    far_reason: str = ""
    """The far side's Reason header (RFC 3326)."""


@dataclass(frozen=True, slots=True)
class OfferRefused(Event):
    """A re-INVITE of ours (hold, resume) was refused: the media stays as it was."""

    sid: str
    code: int
    """491: the far side made an offer at the same time."""


@dataclass(frozen=True, slots=True)
class Digit(Event):
    """DTMF by SIP INFO."""

    sid: str
    digit: str
    """0-9, *, #, A-D."""
    duration_ms: int


@dataclass(frozen=True, slots=True)
class TransferProgress(Event):
    """What the far side reports of the transfer that we asked for (RFC 3515 NOTIFY)."""

    sid: str
    code: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class NotifyRefused(Event):
    """The far side wants to hear no more of the transfer that it has asked us for."""

    sid: str
    code: int


@dataclass(frozen=True, slots=True)
class RegistrationChanged(Event):
    """A REGISTER was answered, or not (408). `expires_secs` 0 with 200: unregistered."""

    account: str
    code: int
    reason: str
    expires_secs: int
    retry_after_secs: float = 0.0
    """What the registrar asked us to wait."""


@dataclass(frozen=True, slots=True)
class ConnectionLost(Event):
    """The TCP or TLS connection over which an account registered is gone."""

    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class TlsRefused(Event):
    """A far side's certificate was not accepted."""

    remote: str
    """`ADDRESS:PORT`."""
    reason: str


@dataclass(frozen=True, slots=True)
class CallTurnedAway(Event):
    """An INVITE that the SIP stack refused by itself, such as 486 when its table is full."""

    code: int
    reason: str
    called: str
