"""An agent as the plugin sees it: where its model is and how it wants to be spoken to."""

import re
import time
from importlib.util import find_spec
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from bridge.codec.interface import OPUS_MISSING, CodecName
from bridge.profile import LegOptions, ProfileName
from bridge.secret import Secret
from bridge.token import SigningOptions, mint
from bridge.turn.options import TurnOptions
from bridge.wire.tracks import Priority

Weight = Annotated[int, Field(ge=0, le=1000)]
Tool = Literal["hangup", "transfer", "send_dtmf", "hold"]
TOOLS: tuple[Tool, ...] = get_args(Tool)

# The validator before all others makes Python values of JSON's: a list is no tuple then.
_Listed = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
_HeaderPattern = Annotated[str, Field(max_length=65)]


class TlsOptions(BaseModel):
    """How the model endpoint proves who it is, and how we do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca_file: str = ""
    """PEM file of the certificate authority; empty takes the system's."""
    server_name: str = ""
    """Name to verify; empty takes the endpoint's host."""
    verify: bool = True
    """Off only for tests on one machine."""
    cert_file: str = ""
    """PEM file of a certificate chain of our own, for gateways that ask for one."""
    key_file: str = ""
    """PEM file of its private key."""

    @model_validator(mode="after")
    def _files_belong_together(self) -> "TlsOptions":
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file belong together: give both, or neither")
        return self


class Fallback(BaseModel):
    """What a call gets whose model cannot be reached, or is lost: a prompt, then a transfer or
    the end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str = Field("", max_length=4096)
    """WAV file that is played; from the folder of the configuration file."""
    prompt_times: int = Field(1, ge=1, le=10)
    """How often it is played, with a second between."""
    transfer: str = Field("", max_length=256)
    """Number or SIP address that the call is transferred to, if the outbound rules allow it."""
    hangup_cause: int = Field(41, ge=1, le=127)
    """Cause (Q.850) in the Reason of the BYE, when no transfer follows."""

    @model_validator(mode="after")
    def _everything_has_an_effect(self) -> Self:
        if not self.prompt and self.prompt_times != 1:
            raise ValueError("prompt_times has no effect without prompt: take it out")
        if self.transfer and "hangup_cause" in self.model_fields_set and self.hangup_cause != 41:
            raise ValueError("hangup_cause has no effect with transfer: take it out")
        return self


class AgentSpec(BaseModel):
    """One `[agents.NAME]` table. Rates in Hz, times in milliseconds or seconds as named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field("", max_length=300, examples=["quic://gateway.example.net:4433"])
    """`quic://HOST:PORT` of the gateway, or `moqt://HOST:PORT/PATH` of a MoQT relay that leads
    to it."""
    endpoints: dict[str, Weight] = Field({}, max_length=16)
    """Several gateways and their weights, instead of `endpoint`; those of weight 0 are spares."""
    agent: str = Field("parrot", min_length=1, max_length=128)
    """The agent's name at the gateway."""
    token: Secret = SecretStr("")
    """Shown to the gateway when a call opens."""
    jwt: SigningOptions | None = None
    """Instead of `token`: one is made for each call."""
    mode: Literal["speech_to_speech"] = "speech_to_speech"
    model_codec: CodecName = "pcm16"
    """On the way to the gateway. G.711 has both rates at 8000."""
    input_rate_hz: Literal[8000, 16000, 24000, 48000] = 16000
    """Caller to model."""
    output_rate_hz: Literal[8000, 16000, 24000, 48000] = 24000
    """Model to caller."""
    greeting: str = Field("", max_length=2000)
    """What an agent that greets first should say; empty leaves it to the agent."""
    greets_first: bool = False
    """The agent speaks as soon as the call is answered."""
    audio_delivery: Literal["datagram", "stream"] = "datagram"
    """How audio crosses the network, both ways: a datagram for each frame, or a stream for each
    second, on which nothing is lost and everything behind a lost packet waits."""
    open_timeout_secs: float = Field(5.0, gt=0, le=60)
    """How long the phone may ring before the model must be ready."""
    priority: Priority = "normal"
    """Whose audio leaves first on a connection that cannot take all: that of `high`, then `normal`,
    then `low`; the last one's is shed first."""
    tools: Annotated[tuple[Tool, ...], _Listed] = Field(TOOLS, max_length=len(TOOLS))
    """What the model may do to the call; what else it asks for is refused."""
    sip_headers: Annotated[tuple[_HeaderPattern, ...], _Listed] = Field((), max_length=32)
    """SIP headers that it may set on our answers, BYEs and transfers: names, or beginnings of `X-`
    names with a `*`."""
    record_dir: str | None = Field(None, max_length=4096)
    """Folder for recordings of its calls, empty for none; left out, it is `media.record_dir`."""
    language: str = Field("", max_length=64)
    """Told to the agent as the header `language`, unless the dialplan says another."""
    metadata: dict[str, str] = Field({}, max_length=8)
    """Facts told to the agent as headers of each call."""
    fallback: Fallback | None = None
    """When no endpoint can be reached, before the answer or after; left out, the call ends."""
    leg_profile: ProfileName | None = None
    """Kind of leg that this agent's calls come in on; left out, it is the trunk's."""
    leg: LegOptions = LegOptions()
    turn: TurnOptions = TurnOptions()
    tls: TlsOptions = TlsOptions()

    def token_for(self, sid: str) -> str:
        """What the call `sid` shows to the gateway."""
        if self.jwt is None:
            return self.token.get_secret_value()
        return mint(self.jwt, sid, self.agent, time.time())

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.jwt is not None and self.token.get_secret_value():
            raise ValueError("token has no effect with jwt: take one of them out")
        return self

    @model_validator(mode="before")
    @classmethod
    def _g711_has_one_rate(cls, given: Any) -> Any:
        if isinstance(given, dict) and str(given.get("model_codec")).startswith("g711"):
            return {"input_rate_hz": 8000, "output_rate_hz": 8000} | given
        return given

    @model_validator(mode="after")
    def _rates_fit_the_codec(self) -> "AgentSpec":
        if self.model_codec.startswith("g711") and {self.input_rate_hz, self.output_rate_hz} != {
            8000
        }:
            raise ValueError(f"{self.model_codec} has 8000 Hz: leave the rates out, or set them so")
        if self.model_codec == "opus" and find_spec("av") is None:
            raise ValueError(OPUS_MISSING)
        return self

    @field_validator("metadata")
    @classmethod
    def _are_headers(cls, metadata: dict[str, str]) -> dict[str, str]:
        for name, text in metadata.items():
            # Names that begin with x- are those of the caller's side.
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
                raise ValueError("a name is a-z, then up to 63 of a-z 0-9 _")
            if len(text) > 256 or not text.isprintable():
                raise ValueError("a text is one line of at most 256 characters")
        return metadata

    @field_validator("endpoint")
    @classmethod
    def _is_an_endpoint(cls, endpoint: str) -> str:
        return _checked(endpoint) if endpoint else endpoint

    @field_validator("endpoints")
    @classmethod
    def _are_endpoints(cls, endpoints: dict[str, int]) -> dict[str, int]:
        for endpoint in endpoints:
            _checked(endpoint)
        if endpoints and not any(endpoints.values()):
            raise ValueError("one of them needs a weight above 0")
        return endpoints

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if self.endpoint and self.endpoints:
            raise ValueError("has endpoint and endpoints: one of them says where the model is")
        if not self.endpoint and not self.endpoints:
            raise ValueError(
                'needs endpoint, such as "quic://gateway.example.net:4433", or several endpoints'
            )
        return self

    @property
    def weights(self) -> dict[str, int]:
        """Every endpoint with its weight."""
        return self.endpoints or {self.endpoint: 1}


def _checked(endpoint: str) -> str:
    match = re.fullmatch(
        r"(?:quic://[^/\s@]+:([0-9]{1,5})|moqt://[^/\s@]+:([0-9]{1,5})(?:/[\x21-\x7e]*)?)", endpoint
    )
    if len(endpoint) > 300 or not match or not 1 <= int(match[1] or match[2]) <= 65535:
        raise ValueError("must be quic://HOST:PORT or moqt://HOST:PORT, the port from 1 to 65535")
    return endpoint
