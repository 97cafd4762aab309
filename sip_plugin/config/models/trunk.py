"""`[trunks.NAME]`: providers and PBXes."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from bridge.profile import LegOptions, ProfileName
from bridge.secret import Secret
from dialplan import Numbering
from sip_plugin.config.address import DEFAULT_SIPS_PORT, split_host_port
from sip_plugin.config.models.section import Problem, Section, refuse
from sip_plugin.config.models.sip import SipTlsConfig
from sip_plugin.config.values import (
    Codecs,
    EmptyOrBind,
    EmptyOrHostPort,
    EmptyOrIp,
    HeaderPatterns,
    HeaderText,
    HostPort,
    Network,
    SipUser,
    TrunkTransport,
)
from sip_plugin.media.description import PhoneCodec


class TrunkTlsConfig(SipTlsConfig):
    """`[trunks.NAME.tls]`: for one trunk, whose connections have nothing of `[sip.tls]`."""

    bind: EmptyOrBind = ""
    """IP address and port that this trunk connects to; empty: any free port, as for a trunk that
    only we connect to."""

    def listener(self, host: str) -> tuple[str, int]:
        """Address and port; port 0 is any free one. `host`: of the other listeners."""
        return split_host_port(self.bind, DEFAULT_SIPS_PORT) if self.bind else (host, 0)


class TrunkConfig(Section):
    """`[trunks.NAME]`: a provider or PBX, that we register with or whose address we know."""

    display_name: HeaderText = ""
    """Name beside our address in From; empty sends none."""

    domain: HostPort = Field(examples=["sip.example.net"])
    """`HOST` or `HOST:PORT` of the registrar and of the numbers' addresses."""

    proxy: EmptyOrHostPort = ""
    """Outbound proxy, `HOST` or `HOST:PORT`; empty sends straight to the domain."""

    transport: TrunkTransport = "udp"
    """What carries SIP to this trunk; `auto`: what its NAPTR or SRV records say (RFC 3263)."""

    tls: TrunkTlsConfig | None = None

    public_address: EmptyOrIp = ""
    """IP address at which this trunk reaches us, for SDP and Contact; empty: `[sip]
    public_address`."""

    sips: bool = False
    """Write `sips:` addresses, which ask for TLS on the whole way; needs `transport = "tls"`."""

    srtp: Literal["off", "optional", "required"] = "off"
    """Encrypted audio (SRTP, keys by SDES): never, when the far side can, or always."""

    require_registration: bool = True
    """Register and keep registered; off for an IP trunk, whose sources are in `allow_from`."""

    sip_username: SipUser = ""
    """User of our address and of digest authentication."""

    sip_password: Secret = SecretStr("")
    """Password of digest authentication."""

    register_expires_secs: int = Field(3600, ge=30, le=86_400)
    """Validity asked for at REGISTER."""

    keep_alive_secs: int = Field(15, ge=0, le=3600)
    """While registered over UDP: how often a packet keeps a router's way to us open; 0: never."""

    allow_from: tuple[Network, ...] = Field((), max_length=256)
    """Source addresses and networks (CIDR) whose calls are accepted as this trunk's."""

    asserted_identity: bool = False
    """Trust between us and this trunk (RFC 3325): its P-Asserted-Identity is the caller, and ours
    goes with outbound calls."""

    withhold_caller_id: bool = False
    """Outbound calls come from "Anonymous", with `Privacy: id`."""

    weight: int = Field(0, ge=0, le=1000)
    """Among the trunks that an outbound call may take: drawn before those without, by weight."""

    channel_limit: int = Field(0, ge=0, le=10_000)
    """Calls at once on this trunk, both directions; 0 has no limit of its own."""

    codec_preferences: Codecs = Field((PhoneCodec.ULAW, PhoneCodec.ALAW), min_length=1)
    """Codecs offered and accepted, the preferred one first."""

    agent_headers: HeaderPatterns = Field(("x-*",), max_length=32)
    """Which `X-` headers of an INVITE the agent is told: names, or beginnings with a `*`."""

    max_ring_secs: float = Field(30.0, gt=0, le=600)
    """An outbound call that is not answered for so long ends as no_answer."""

    leg_profile: ProfileName = "raw"
    """`raw`: its phones return the agent's voice, which is cancelled here; `aec`: they do not."""

    leg: LegOptions = LegOptions()

    numbers: Numbering = Numbering()

    @model_validator(mode="after")
    def _sips_has_tls(self) -> Self:
        if self.tls is not None and self.transport != "tls":
            refuse([Problem(("tls",), 'is for a trunk with transport = "tls"', (("transport",),))])
        if self.sips and self.transport != "tls":
            refuse([Problem(("transport",), 'must be "tls" for sips addresses', (("sips",),))])
        return self

    @model_validator(mode="after")
    def _callers_can_be_known(self) -> Self:
        if self.require_registration and not self.sip_username:
            refuse(
                [
                    Problem(
                        ("sip_username",),
                        "is needed to register (require_registration = true)",
                        (("require_registration",),),
                    )
                ]
            )
        if not self.require_registration and not self.allow_from:
            refuse(
                [
                    Problem(
                        ("allow_from",),
                        "must name a source: without registration (require_registration = false) "
                        "calls are accepted from these addresses only",
                        (("require_registration",),),
                    )
                ]
            )
        return self
