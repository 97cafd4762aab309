"""Every key of the configuration file, with its meaning, default and range.

`docs/configuration.md` documents them; a test holds both together. Times in seconds.
"""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bridge.agent import AgentSpec
from bridge.profile import LegOptions, LegProfile, ProfileName, resolve
from bridge.secret import Secret
from bridge.turn.options import TurnOptions
from dialplan import Dialplan, Numbering
from dialplan.outcome import is_target
from dialplan.plan import Plan
from sip_plugin.config import families, sip_headers
from sip_plugin.config.address import (
    DEFAULT_SIP_PORT,
    DEFAULT_SIPS_PORT,
    split_host_port,
)
from sip_plugin.config.nearest import did_you_mean
from sip_plugin.config.values import (
    BindAddress,
    Codecs,
    EmptyOrBind,
    EmptyOrHostPort,
    EmptyOrIp,
    FileName,
    HeaderPatterns,
    HeaderText,
    HostPort,
    IpAddress,
    Name,
    Network,
    SipUser,
    Transport,
    TrunkTransport,
)
from sip_plugin.media.description import PhoneCodec

MAX_TRUNKS = 64
"""What a pjsua2 built by scripts/build-pjsua2 has room for; the stock wheel has room for 8, which
is checked when the plugin starts."""

MAX_RUN_DIR_BYTES = 80
"""A Unix socket's path may have 107 bytes (unix(7)), and the sockets' names follow this one."""


class Problem(NamedTuple):
    """A fault that more than one key takes part in."""

    path: tuple[str | int, ...]
    """Where to point: path from the model that found it to the key to change."""
    message: str
    depends_on: tuple[tuple[str | int, ...], ...] = ()
    """Other keys that took part: if one of them is wrong by itself, this one may be its echo."""


def _refuse(problems: Sequence[Problem]) -> NoReturn:
    text = "; ".join(f"{'.'.join(map(str, p.path))}: {p.message}" for p in problems)
    raise PydanticCustomError(
        "config_problems", "{text}", {"text": text, "problems": tuple(problems)}
    )


class Section(BaseModel):
    """A table of the file. Values that do not fit are not repeated in errors: one may be secret."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class SipTlsConfig(Section):
    """`[sip.tls]`: certificates of SIP over TLS, ours and the far sides'."""

    ca_file: FileName = ""
    """PEM file of the authorities that far sides' certificates come from; empty: the system's."""

    cert_file: FileName = ""
    """PEM file of our own certificate and what leads to its authority; empty: we have none."""

    key_file: FileName = ""
    """PEM file of its private key; empty when `cert_file` holds it too."""

    verify: bool = True
    """A far side that we connect to must prove its name; `false` only for tests."""

    verify_client: bool = False
    """A far side that connects to us must show a certificate of `ca_file`."""

    min_version: Literal["1.2", "1.3"] = "1.2"
    """Lowest version of TLS."""

    @model_validator(mode="after")
    def _key_has_a_certificate(self) -> Self:
        if self.key_file and not self.cert_file:
            _refuse([Problem(("cert_file",), "is needed with a key_file", (("key_file",),))])
        return self


class TrunkTlsConfig(SipTlsConfig):
    """`[trunks.NAME.tls]`: for one trunk, whose connections have nothing of `[sip.tls]`."""

    bind: EmptyOrBind = ""
    """IP address and port that this trunk connects to; empty: any free port, as for a trunk that
    only we connect to."""

    def listener(self, host: str) -> tuple[str, int]:
        """Address and port; port 0 is any free one. `host`: of the other listeners."""
        return split_host_port(self.bind, DEFAULT_SIPS_PORT) if self.bind else (host, 0)


class SipConfig(Section):
    """`[sip]`: the plugin as a SIP user agent."""

    bind: BindAddress = "0.0.0.0:5060"
    """IP address and UDP port that SIP listens on."""

    bind_tcp: EmptyOrBind = ""
    """IP address and port of SIP over TCP; empty: as `bind`, when a trunk uses TCP."""

    bind_tls: EmptyOrBind = ""
    """IP address and port of SIP over TLS; empty: the port after `bind`, when a trunk uses TLS."""

    tls: SipTlsConfig = SipTlsConfig()

    nameservers: tuple[IpAddress, ...] = Field((), max_length=4)
    """IP addresses of the DNS servers that trunks' names are looked up at; empty: the system's."""

    public_address: EmptyOrIp = ""
    """IP address put into SDP and Contact; empty takes the address of the route to the peer."""

    user_agent: HeaderText = "clutchcall-sip-plugin"
    """Our name in the User-Agent header; empty sends none."""

    max_calls: int = Field(0, ge=0, le=10_000)
    """Calls at once; 0: as many as the pjsua2 build has room for (4 in the stock wheel), to which
    a higher number is clipped."""

    answer_timeout_secs: float = Field(10.0, gt=0, le=300)
    """An INVITE that is neither answered nor acknowledged for so long is ended."""

    @property
    def bind_host(self) -> str:
        return split_host_port(self.bind, DEFAULT_SIP_PORT)[0]

    @property
    def bind_port(self) -> int:
        return split_host_port(self.bind, DEFAULT_SIP_PORT)[1]

    def listener(self, transport: Transport) -> tuple[str, int]:
        """Address and port of a transport."""
        if transport == "tcp" and self.bind_tcp:
            return split_host_port(self.bind_tcp, DEFAULT_SIP_PORT)
        if transport == "tls":
            if self.bind_tls:
                return split_host_port(self.bind_tls, DEFAULT_SIPS_PORT)
            return self.bind_host, min(self.bind_port + 1, 65535)
        return self.bind_host, self.bind_port


class MediaConfig(Section):
    """`[media]`: RTP and the processes that handle it."""

    workers: int = Field(0, ge=0, le=256)
    """Worker processes; 0 starts one a core."""

    bind_address: IpAddress = "0.0.0.0"
    """IP address that RTP sockets listen on."""

    rtp_start_port: int = Field(10_000, ge=1024, le=65_535)
    """First UDP port for RTP."""

    rtp_end_port: int = Field(20_000, ge=1024, le=65_535)
    """Last UDP port for RTP and RTCP. A call takes two: an even one and the next."""

    leases_per_worker: int = Field(4, ge=1, le=256)
    """Bound ports that each worker hands to the SIP process in advance."""

    inactivity_secs: float = Field(30.0, gt=0, le=3600)
    """No RTP for so long, and not on hold, ends the call."""

    max_playout_secs: float = Field(120.0, gt=0, le=600)
    """Most agent audio that waits for the phone; what is beyond it is dropped."""

    record_dir: str = Field("", max_length=4096)
    """Folder for a stereo WAV of each call (left caller, right agent); empty records nothing."""

    @property
    def port_pairs(self) -> int:
        """RTP/RTCP pairs (even port and the next) in the range."""
        first_even = self.rtp_start_port + self.rtp_start_port % 2
        return max(0, (self.rtp_end_port - first_even + 1) // 2)

    @model_validator(mode="after")
    def _ports_suffice(self) -> Self:
        if self.rtp_end_port <= self.rtp_start_port:
            _refuse(
                [
                    Problem(
                        ("rtp_end_port",),
                        f"must be above rtp_start_port ({self.rtp_start_port})",
                        (("rtp_start_port",),),
                    )
                ]
            )
        leases = max(1, self.workers) * self.leases_per_worker
        if self.port_pairs < leases:
            _refuse(
                [
                    Problem(
                        ("rtp_end_port",),
                        f"the range has room for {self.port_pairs} RTP/RTCP port pairs, "
                        f"but {max(1, self.workers)} worker(s) with leases_per_worker = "
                        f"{self.leases_per_worker} need {leases}",
                        (("rtp_start_port",), ("leases_per_worker",), ("workers",)),
                    )
                ]
            )
        return self


class ServiceConfig(Section):
    """`[service]`: the plugin as a service of this machine."""

    run_dir: str = ""
    """Folder for the sockets; empty takes $XDG_RUNTIME_DIR/sip-plugin, else /tmp/sip-plugin-UID."""

    drain_secs: float = Field(30.0, ge=0, le=86_400)
    """After SIGTERM: how long running calls may go on."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""

    @property
    def run_path(self) -> Path:
        """`run_dir`, or the folder that stands for an empty one."""
        if self.run_dir:
            return Path(self.run_dir)
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        return Path(runtime, "sip-plugin") if runtime else Path(f"/tmp/sip-plugin-{os.getuid()}")

    @model_validator(mode="after")
    def _socket_paths_fit(self) -> Self:
        if "\0" in self.run_dir:
            _refuse([Problem(("run_dir",), "must not contain a NUL")])
        size = len(os.fsencode(self.run_dir))
        if size > MAX_RUN_DIR_BYTES:
            _refuse(
                [
                    Problem(
                        ("run_dir",),
                        f"has {size} bytes, but at most {MAX_RUN_DIR_BYTES} leave room for the "
                        "names of the sockets in it",
                    )
                ]
            )
        return self


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
            _refuse([Problem(("tls",), 'is for a trunk with transport = "tls"', (("transport",),))])
        if self.sips and self.transport != "tls":
            _refuse([Problem(("transport",), 'must be "tls" for sips addresses', (("sips",),))])
        return self

    @model_validator(mode="after")
    def _callers_can_be_known(self) -> Self:
        if self.require_registration and not self.sip_username:
            _refuse(
                [
                    Problem(
                        ("sip_username",),
                        "is needed to register (require_registration = true)",
                        (("require_registration",),),
                    )
                ]
            )
        if not self.require_registration and not self.allow_from:
            _refuse(
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


class Config(Section):
    """The whole file."""

    sip: SipConfig = SipConfig()
    media: MediaConfig = MediaConfig()
    service: ServiceConfig = ServiceConfig()
    trunks: dict[Name, TrunkConfig] = Field(default_factory=dict, max_length=MAX_TRUNKS)
    agents: dict[Name, AgentSpec] = Field(default_factory=dict)
    dialplan: Plan = Plan()

    @cached_property
    def routing(self) -> Dialplan:
        """The dialplan ready to decide about the calls of these trunks."""
        numberings = {name: trunk.numbers for name, trunk in self.trunks.items()}
        return Dialplan(self.dialplan, numberings)

    def _names_without_a_table(self) -> Iterator[Problem]:
        plan = self.dialplan
        named = (
            ("agent", ("agents",), self.agents, (*plan.agents_used(), *plan.agents_limited())),
            ("trunk", ("trunks",), self.trunks, plan.trunks_used()),
            ("times", ("dialplan", "times"), plan.times, plan.times_used()),
        )
        for what, table, known, uses in named:
            for path, name in uses:
                if name not in known:
                    hint = did_you_mean(name, known)
                    verb = "are" if what == "times" else "is"
                    message = f"there {verb} no such {what}{hint}"
                    yield Problem(("dialplan", *path), message, ((*table, name),))

    def _fallbacks_that_lead_nowhere(self) -> Iterator[Problem]:
        for name, agent in self.agents.items():
            if (
                agent.fallback
                and agent.fallback.transfer
                and not is_target(agent.fallback.transfer)
            ):
                message = "must be a number or a SIP address, such as sip:desk@pbx.example.net"
                yield Problem(("agents", name, "fallback", "transfer"), message)

    def _addresses_of_another_family(self) -> Iterator[Problem]:
        sip = self.sip
        written: list[tuple[tuple[str, ...], str]] = [
            (("sip", "bind_tcp"), sip.bind_tcp),
            (("sip", "bind_tls"), sip.bind_tls),
            (("sip", "public_address"), sip.public_address),
            (("media", "bind_address"), self.media.bind_address),
        ]
        for name, trunk in self.trunks.items():
            for key in ("domain", "proxy", "public_address"):
                written.append((("trunks", name, key), getattr(trunk, key)))
        for path, problem in families.strangers(sip.bind_host, written):
            yield Problem(path, problem, (("sip", "bind"),))

    def _headers_that_sip_owns(self) -> Iterator[Problem]:
        for name, agent in self.agents.items():
            for fault in filter(None, map(sip_headers.pattern_fault, agent.sip_headers)):
                yield Problem(("agents", name, "sip_headers"), fault)
        for index, rule in enumerate(self.dialplan.outbound.rules):
            for header, fault in sip_headers.faults(rule.headers):
                path = ("dialplan", "outbound", "rules", index, "headers", header)
                yield Problem(path, fault)

    def leg_of(self, trunk_name: str, agent_name: str) -> LegProfile:
        """What a call of this trunk with this agent does to its audio. Raises KeyError.

        Without an agent's name: with none, such as a prompt's.
        """
        trunk = self.trunks[trunk_name]
        if not agent_name:
            return resolve(trunk.leg_profile, TurnOptions(), trunk.leg)
        agent = self.agents[agent_name]
        name = agent.leg_profile or trunk.leg_profile
        return resolve(name, agent.turn, trunk.leg, agent.leg)

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        problems = [
            *self._names_without_a_table(),
            *self._fallbacks_that_lead_nowhere(),
            *self._headers_that_sip_owns(),
            *self._addresses_of_another_family(),
        ]
        if self.media.port_pairs < self.sip.max_calls:
            problems.append(
                Problem(
                    ("media", "rtp_end_port"),
                    f"the range has room for {self.media.port_pairs} RTP/RTCP port pairs, "
                    f"but sip.max_calls is {self.sip.max_calls}",
                    (("media", "rtp_start_port"), ("sip", "max_calls")),
                )
            )
        if problems:
            _refuse(problems)
        return self
