"""Options of an agent whose model is a server: what all dialects share."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from bridge.secret import Secret


def matching(pattern: str, words: str) -> AfterValidator:
    """A string that matches as a whole; the error does not repeat it."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {words}")
        return text

    return AfterValidator(check)


class Unusable(ValueError):
    """A value that is well-formed and cannot be used here: a file, a voice, a word."""

    def __init__(self, key: str, message: str) -> None:
        """`key` of the agent's table, with dots; empty for the table."""
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key
        self.message = message


HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}"
ToolName = Annotated[str, matching(r"[A-Za-z0-9_-]{1,64}", "1 to 64 of A-Z a-z 0-9 _ -")]
HeaderName = Annotated[str, matching(rf"({HEADER_NAME})?", "the name of an HTTP header, or empty")]
BuiltIn = Literal["hangup", "transfer", "send_dtmf"]

RESERVED_HEADERS = frozenset(
    {"authorization", "connection", "host", "upgrade", "content-length", "transfer-encoding"}
)


class Section(BaseModel):
    """A table of the file. Values that do not fit are not repeated in errors: one may be secret."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


def web_address(text: str, *schemes: str) -> str:
    """Raises ValueError, which does not repeat it."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ValueError(f"must be {' or '.join(f'{scheme}://HOST/…' for scheme in schemes)}")
    if parts.username or parts.password:
        raise ValueError("must not hold a password; use api_key or headers")
    return text


class ToolOptions(Section):
    """`[[agents.NAME.functions]]`: a function that the model may call, answered by a web server."""

    name: ToolName = Field(examples=["look_up_order"])
    """What the model calls it."""

    description: str = Field("", max_length=4000)
    """When and for what the model should call it."""

    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    """JSON Schema of its arguments."""

    url: str = Field(examples=["http://127.0.0.1:8000/orders"], max_length=2000)
    """Where the arguments are sent (POST, JSON); what comes back is the function's result."""

    token: Secret = SecretStr("")
    """Sent there as `Authorization: Bearer`."""

    timeout_secs: float = Field(10.0, gt=0, le=120)
    """How long the model waits for the result."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return web_address(url, "https", "http")


class ServerOptions(Section):
    """`[agents.NAME]` of the gateway, for a model behind a WebSocket."""

    url: str = Field(examples=["wss://api.openai.com/v1/realtime"], max_length=2000)
    """WebSocket address of the server."""

    fallback_urls: tuple[str, ...] = Field((), max_length=8)
    """Addresses of other servers, tried in this order when `url` fails, before a call is answered
    and during it."""

    api_key: Secret = SecretStr("")
    """Sent as `Authorization: Bearer`."""

    headers: dict[str, Secret] = Field(default_factory=dict, max_length=16)
    """More headers of the connection, for a router or a provider."""

    routing_header: HeaderName = "X-Routing-Key"
    """Header that tells a router which calls belong together; empty sends none."""

    routing_key: str = Field("", max_length=256)
    """Its value; empty takes the call's sid."""

    ca_file: str = ""
    """PEM file of the authority of the server's certificate; empty takes the system's."""

    model: str = Field("", max_length=200)
    """The server's name of the model."""

    instructions: str = Field("", max_length=50_000)
    """What the model is told before the call."""

    no_input_instructions: str = Field("", max_length=2000)
    """What it is told when nobody has spoken for long (`no_input_secs` of the plugin's agent);
    empty says nothing then."""

    tools: tuple[BuiltIn, ...] = Field((), max_length=3)
    """Built-in functions that act on the call."""

    functions: tuple[ToolOptions, ...] = Field((), max_length=64)
    """Functions of your own."""

    preroll_ms: int = Field(2500, ge=0, le=15_000)
    """Audio from before the moment at which a turn was found to be one."""

    max_turn_secs: float = Field(120.0, ge=1, le=600)
    """Of a longer turn the server gets the end."""

    max_reply_secs: float = Field(110.0, ge=1, le=115)
    """A longer reply is cut; the plugin takes 120 s ahead of real time."""

    connect_timeout_secs: float = Field(4.0, gt=0, le=60)
    """For the connection and for the server's answer to the settings."""

    reply_timeout_secs: float = Field(15.0, gt=0, le=300)
    """Silence of the server that is owed a reply, or the rest of one, before it is given up."""

    session_secs: float = Field(3300.0, ge=10, le=86_400)
    """Age at which a session is replaced by a new one, at a moment when nobody speaks: servers end
    theirs after an hour."""

    reconnects: int = Field(1, ge=0, le=10)
    """Attempts at a new connection before a call fails whose connection was lost; each of
    `fallback_urls` adds one."""

    max_calls: int = Field(0, ge=0, le=100_000)
    """Calls at a time of this agent; 0 has no limit of its own."""

    @field_validator("url")
    @classmethod
    def _is_a_websocket(cls, url: str) -> str:
        return web_address(url, "wss", "ws")

    @field_validator("fallback_urls")
    @classmethod
    def _are_websockets(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(web_address(url, "wss", "ws") for url in urls)

    @field_validator("routing_key")
    @classmethod
    def _fits_a_header(cls, key: str) -> str:
        if not key.isascii() or not key.isprintable():
            raise ValueError("must be printable ASCII")
        return key

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not re.fullmatch(HEADER_NAME, name):
                raise ValueError("a header's name has 1 to 64 letters, digits and - _")
            if name.lower() in RESERVED_HEADERS or name.lower().startswith("sec-websocket"):
                raise ValueError(f"{name} cannot be set here; a key belongs into api_key")
            text = value.get_secret_value()
            if len(text) > 4096 or not text.isascii() or not text.isprintable():
                raise ValueError(f"the value of {name} must be printable ASCII")
        return headers

    @model_validator(mode="after")
    def _names_are_unique(self) -> "ServerOptions":
        names = [*self.tools, *(function.name for function in self.functions)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"the function {twice} is there twice")
        return self
