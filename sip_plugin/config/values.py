"""Kinds of values that keys take. What they say is wrong never repeats the value."""

import re
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticKnownError

from sip_plugin.config.address import DEFAULT_SIP_PORT, is_ip_address, split_host_port
from sip_plugin.media.description import PhoneCodec


def _bind(text: str) -> str:
    host, _ = split_host_port(text, DEFAULT_SIP_PORT)
    if not is_ip_address(host):
        raise ValueError("bind to an IP address of this machine, or to 0.0.0.0 for all of them")
    return text


def _host_port(text: str) -> str:
    split_host_port(text, DEFAULT_SIP_PORT)
    return text


def _ip(text: str) -> str:
    if not is_ip_address(text):
        raise ValueError("not an IP address")
    return text


def _or_empty(check: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: check(text) if text else text


def _without(characters: str, names: str) -> Callable[[str], str]:
    unwanted = re.compile(f"[{characters}]")

    def check(text: str) -> str:
        if unwanted.search(text):
            raise ValueError(f"must not contain {names}")
        return text

    return check


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    if not isinstance(value, str):  # ip_network() would take a number for an address
        raise PydanticKnownError("string_type")
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise ValueError("not an IP address or network (CIDR)") from None
    if ip_address(value.partition("/")[0]) != network.network_address:
        raise ValueError("bits are set beyond the prefix: write the network's first address")
    return network


def _no_repetition(codecs: tuple[PhoneCodec, ...]) -> tuple[PhoneCodec, ...]:
    for codec, times in Counter(codecs).items():
        if times > 1:
            raise ValueError(f"{codec} is named more than once")
    return codecs


Transport = Literal["udp", "tcp", "tls"]
TrunkTransport = Literal["udp", "tcp", "tls", "auto"]

BindAddress = Annotated[str, AfterValidator(_bind)]
EmptyOrBind = Annotated[str, AfterValidator(_or_empty(_bind))]
FileName = Annotated[str, Field(max_length=4096), AfterValidator(_without(r"\x00", "a NUL"))]
HostPort = Annotated[str, AfterValidator(_host_port)]
EmptyOrHostPort = Annotated[str, AfterValidator(_or_empty(_host_port))]
IpAddress = Annotated[str, AfterValidator(_ip)]
EmptyOrIp = Annotated[str, AfterValidator(_or_empty(_ip))]

# Both go into SIP headers, where a line break or a quote would begin something else.
HeaderText = Annotated[
    str,
    Field(max_length=128),
    AfterValidator(
        _without(r'\x00-\x1f\x7f"\\<>', "control characters, quotes, backslashes, < or >")
    ),
]
SipUser = Annotated[
    str,
    Field(max_length=128),
    AfterValidator(
        _without(
            r'\x00-\x20\x7f"\\<>@', "spaces, control characters, quotes, backslashes, <, > or @"
        )
    ),
]

Network = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network, json_schema_input_type=str),
    PlainSerializer(str, when_used="json"),
]
"""One address is a network of one."""

HeaderPattern = Annotated[str, Field(pattern=r"^[Xx]-[A-Za-z0-9-]{0,60}\*?$")]
HeaderPatterns = Annotated[
    tuple[HeaderPattern, ...], AfterValidator(lambda names: tuple(map(str.lower, names)))
]

Codecs = Annotated[tuple[PhoneCodec, ...], AfterValidator(_no_repetition)]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""Of a trunk or an agent: it becomes a label of metrics and a word of log lines."""
