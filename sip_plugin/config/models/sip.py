"""`[sip]` and `[sip.tls]`: the plugin as a SIP user agent."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sip_plugin.config.address import DEFAULT_SIP_PORT, DEFAULT_SIPS_PORT, split_host_port
from sip_plugin.config.models.section import Problem, Section, refuse
from sip_plugin.config.values import (
    BindAddress,
    EmptyOrBind,
    EmptyOrIp,
    FileName,
    HeaderText,
    IpAddress,
    Transport,
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
            refuse([Problem(("cert_file",), "is needed with a key_file", (("key_file",),))])
        return self


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
