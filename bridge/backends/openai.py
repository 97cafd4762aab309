"""OpenAI's Realtime API (GA) over WebSocket."""

from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import AfterValidator, Field

from bridge.backends.interface import AudioFormat, Capabilities, Message
from bridge.backends.options import ServerOptions
from bridge.backends.realtime import RealtimeDialect
from bridge.backends.settings import Settings
from bridge.backends.tools import definitions
from bridge.gateway.agent import CallInfo

PCM_24K = AudioFormat("pcm16", 24_000)
FORMATS = {
    "pcm16": PCM_24K,
    "pcmu": AudioFormat("g711_ulaw", 8000),
    "pcma": AudioFormat("g711_alaw", 8000),
}
_NAMES: dict[str, Message] = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "pcmu": {"type": "audio/pcmu"},
    "pcma": {"type": "audio/pcma"},
}


def _speed(speed: float) -> float:
    if speed and not 0.25 <= speed <= 1.5:
        raise ValueError("must be 0, or from 0.25 to 1.5")
    return speed


class OpenAiOptions(ServerOptions):
    """`[agents.NAME]` with `backend = "openai"`."""

    backend: Literal["openai"] = "openai"
    """The dialect."""

    url: str = Field("wss://api.openai.com/v1/realtime", max_length=2000)
    """WebSocket address of the server; `?model=` is added."""

    model: str = Field("gpt-realtime", min_length=1, max_length=200)
    """The server's name of the model."""

    voice: str = Field("", max_length=100)
    """The server's name of the voice; empty takes its default."""

    speed: Annotated[float, AfterValidator(_speed)] = 0.0
    """Speed of the voice, 0.25 to 1.5; 0 takes the server's default."""

    audio: Literal["auto", "pcm16", "pcmu", "pcma"] = "auto"
    """On the server's connection: PCM at 24 kHz, or G.711. `auto`: the law of a call in G.711,
    u-law for another whose both rates are 8 kHz, else PCM."""

    transcription_model: str = Field("", max_length=200)
    """Model that transcribes the caller, such as `gpt-4o-mini-transcribe`; empty: none does."""

    transcription_language: str = Field("", max_length=16)
    """Language of the caller (ISO 639-1); empty lets the model find out."""

    max_output_tokens: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Bound of one reply; 0 has none."""


def connection_url(url: str, model: str) -> str:
    """The address with the model in it, unless it names one."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    if "model" not in dict(query):
        query.append(("model", model))
    return urlunsplit(parts._replace(query=urlencode(query)))


def dialect(options: OpenAiOptions, info: CallInfo) -> RealtimeDialect:
    """The conversation of one call."""
    audio = options.audio if options.audio != "auto" else _audio_of(info)
    heard: Message = {"format": _NAMES[audio], "turn_detection": None}
    if options.transcription_model:
        heard["transcription"] = {"model": options.transcription_model}
        if options.transcription_language:
            heard["transcription"]["language"] = options.transcription_language
    spoken: Message = {"format": _NAMES[audio]}
    if options.voice:
        spoken["voice"] = options.voice
    if options.speed:
        spoken["speed"] = options.speed
    session: Message = {
        "type": "realtime",
        "model": options.model,
        "output_modalities": ["audio"],
        "audio": {"input": heard, "output": spoken},
    }
    if options.max_output_tokens:
        session["max_output_tokens"] = options.max_output_tokens
    capabilities = Capabilities(
        input=FORMATS[audio],
        output=FORMATS[audio],
        cancels=True,
        truncates=True,
        primes=False,
        retracts=True,
        tools=True,
        caller_transcripts=bool(options.transcription_model),
        agent_transcripts=True,
        usage=True,
        resumes=True,
    )
    return ga_dialect(options, info, session, capabilities)


def _audio_of(info: CallInfo) -> Literal["pcm16", "pcmu", "pcma"]:
    if info.codec == "g711_alaw":
        return "pcma"
    return "pcmu" if info.input_rate_hz == info.output_rate_hz == 8000 else "pcm16"


def ga_dialect(
    options: ServerOptions, info: CallInfo, session: Message, capabilities: Capabilities
) -> RealtimeDialect:
    """A dialect of the GA family: `session` is completed with what all of them take."""
    if options.instructions:
        session["instructions"] = options.instructions
    if functions := definitions(options.tools, options.functions, info.tools):
        session["tools"] = functions
        session["tool_choice"] = "auto"
    return RealtimeDialect(
        Settings(
            capabilities=capabilities,
            session=session,
            greeting=greeting_instructions(options, info),
            no_input=_with(options.instructions, options.no_input_instructions),
            preroll_ms=options.preroll_ms,
            max_turn_secs=options.max_turn_secs,
            max_reply_secs=options.max_reply_secs,
            session_timeout_secs=options.connect_timeout_secs,
            reply_timeout_secs=options.reply_timeout_secs,
        )
    )


def greeting_instructions(options: ServerOptions, info: CallInfo) -> str | None:
    """What the first reply is told; None: the caller speaks first."""
    if info.greeting:
        return _with(options.instructions, f"Begin the call. Say exactly this: {info.greeting}")
    if info.greets_first:
        return _with(options.instructions, "Begin the call: greet the caller.")
    return None


def _with(instructions: str, more: str) -> str:
    """A response's instructions take the place of the session's: repeat them."""
    return f"{instructions}\n\n{more}".strip() if more else ""
