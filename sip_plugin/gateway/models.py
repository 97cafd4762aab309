"""Every key of the gateway's file; docs/gateway.md documents them. Times in seconds."""

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from bridge.backends import Options
from bridge.backends.options import Section
from bridge.gateway import GatewayOptions
from bridge.secret import Secret
from bridge.token import CheckingOptions
from sip_plugin.config.address import split_host_port
from sip_plugin.config.values import Name

DEFAULT_PORT = 4433
METRICS_PORT = 9464
RELAY = r"moqt://[^/\s@]+:[0-9]{1,5}(/[\x21-\x7e]*)?"


def host_port(listen: str, port: int) -> tuple[str, int]:
    """Of an address of the file; port 0 is any free one, `port` is meant where none is given."""
    if listen.endswith(":0"):
        return listen.removesuffix(":0").strip("[]"), 0
    return split_host_port(listen, port)


class ListenConfig(Section):
    """`[gateway]`: where plugins find it, and whom it believes."""

    listen: str = Field("127.0.0.1:4433", max_length=300)
    """`HOST:PORT` of UDP; port 0 takes any free one."""

    cert_file: str = Field("", max_length=4096)
    """Certificate chain, PEM; empty makes a certificate at start."""

    key_file: str = Field("", max_length=4096)
    """Its private key, PEM."""

    write_ca: str = Field("", max_length=4096)
    """File for the certificate made at start, for `tls.ca_file` of the plugin's agents."""

    token: Secret = SecretStr("")
    """What a call must show; empty takes every call, unless there is `[gateway.jwt]`."""

    jwt: CheckingOptions | None = None
    """Takes calls that show a token made for them, beside `token`."""

    client_ca_file: str = Field("", max_length=4096)
    """Authorities, PEM: a plugin that connects must show a certificate of theirs; empty asks for
    none."""

    max_calls: int = Field(256, ge=1, le=100_000)
    """Calls at a time."""

    max_connections: int = Field(64, ge=1, le=10_000)
    """Plugin processes at a time."""

    relays: tuple[str, ...] = Field((), max_length=16)
    """MoQT relays that calls come through as well: `moqt://HOST:PORT/PATH`."""

    relay_ca_file: str = Field("", max_length=4096)
    """Authority that signed their certificates, PEM; empty takes the system's."""

    resume_secs: int = Field(10, ge=0, le=60)
    """How long a call whose connection broke waits for another; 0: it ends at once."""

    drain_secs: float = Field(0.0, ge=0, le=86_400)
    """How long running calls may go on after SIGTERM, while new ones are refused; 0: not at all."""

    metrics_listen: str = Field("", max_length=300)
    """`HOST:PORT` of TCP where `/metrics` and `/healthz` are; empty: nowhere."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged to stderr."""

    @field_validator("metrics_listen")
    @classmethod
    def _is_one_if_any(cls, listen: str) -> str:
        return cls._is_an_address(listen) if listen else listen

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, listen: str) -> str:
        host, port = listen.rpartition(":")[::2]
        if not (host and port == "0"):  # any free port
            split_host_port(listen, DEFAULT_PORT)
        return listen

    @field_validator("relays")
    @classmethod
    def _are_relays(cls, relays: tuple[str, ...]) -> tuple[str, ...]:
        for relay in relays:
            if not re.fullmatch(RELAY, relay):
                raise ValueError(f"{relay!r} is not moqt://HOST:PORT/PATH")
        return relays

    @model_validator(mode="after")
    def _files_belong_together(self) -> "ListenConfig":
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file belong together: give both, or neither")
        if self.cert_file and self.write_ca:
            raise ValueError("write_ca is for the certificate made without cert_file")
        if self.client_ca_file and self.relays and not (self.token.get_secret_value() or self.jwt):
            raise ValueError(
                "client_ca_file says nothing of calls that come through relays: give a token, or "
                "jwt, as well"
            )
        return self

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Where metrics are served, if they are."""
        return host_port(self.metrics_listen, METRICS_PORT) if self.metrics_listen else None

    def options(self) -> GatewayOptions:
        """The same for `bridge.gateway.Gateway`."""
        host, port = host_port(self.listen, DEFAULT_PORT)
        return GatewayOptions(
            host=host,
            port=port,
            cert_file=self.cert_file,
            key_file=self.key_file,
            ca_out=self.write_ca,
            token=self.token,
            jwt=self.jwt,
            client_ca_file=self.client_ca_file,
            max_calls=self.max_calls,
            max_connections=self.max_connections,
            relays=self.relays,
            relay_ca_file=self.relay_ca_file,
            resume_secs=self.resume_secs,
            drain_secs=self.drain_secs,
        )


class GatewayConfig(Section):
    """The whole file."""

    gateway: ListenConfig = ListenConfig()
    agents: dict[Name, Options] = Field(min_length=1)
