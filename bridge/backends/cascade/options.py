"""Options of an agent of three stages; docs/gateway.md documents them."""

import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from bridge.backends.options import BuiltIn, Section, ToolOptions, matching, web_address
from bridge.secret import Secret

PHRASE = r"[A-Za-z' ]*(<digits>)?[A-Za-z' ]*"
Words = Annotated[str, Field(max_length=2000)]


class Rule(Section):
    """`[[agents.NAME.llm.rules]]`: what is answered to which words. The first that fits counts."""

    phrases: tuple[
        Annotated[str, matching(PHRASE, "words of A-Z a-z ', and at most one <digits>")], ...
    ] = Field(min_length=1, max_length=100)
    """What the caller says; `<digits>` stands for digits in a row."""

    says: Words = Field(min_length=1)
    """The answer; `<digits>` in it is what was heard for it."""

    hangup: bool = False
    """End the call after it."""

    transfer: str = Field("", max_length=200)
    """Where to transfer the caller after it."""

    send_dtmf: Annotated[str, matching(r"[0-9A-D*#]{0,32}", "up to 32 of 0-9 A-D * #")] = ""
    """Keys to press."""

    @field_validator("phrases")
    @classmethod
    def _say_something(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if not all(phrase.strip() for phrase in phrases):
            raise ValueError("a phrase must have a word")
        return phrases


class AsrOptions(Section):
    """`[agents.NAME.asr]`: speech to text."""

    engine: Literal["pocketsphinx"] = "pocketsphinx"
    """pocketsphinx knows the phrases of a grammar well, and free speech badly."""

    phrases: tuple[
        Annotated[str, matching(PHRASE, "words of A-Z a-z ', and at most one <digits>")], ...
    ] = Field((), max_length=1000)
    """What may be said, beside the phrases of the rules; without any: all words of English."""


class LlmOptions(Section):
    """`[agents.NAME.llm]`: the answer to what was said."""

    engine: Literal["rules", "chat"] = "rules"
    """`chat`: a server with an OpenAI-compatible chat endpoint."""

    rules: tuple[Rule, ...] = Field((), max_length=500)
    """Of `rules`: what is answered."""

    otherwise: Words = "Sorry, I cannot help with that."
    """Of `rules`: the answer to everything else."""

    url: str = Field("", max_length=2000)
    """Of `chat`: what comes before `/chat/completions`, such as `http://127.0.0.1:8000/v1`."""

    api_key: Secret = SecretStr("")
    """Of `chat`: sent as `Authorization: Bearer`."""

    model: str = Field("", max_length=200)
    """Of `chat`: the server's name of the model."""

    instructions: str = Field("", max_length=50_000)
    """Of `chat`: the system message."""

    max_output_tokens: int = Field(300, ge=1, le=100_000)
    """Of `chat`: bound of one answer."""

    timeout_secs: float = Field(10.0, gt=0, le=120)
    """Of `chat`: until the first words, and between words."""

    routing_header: str = Field("X-Routing-Key", max_length=64)
    """Of `chat`: header with the call's sid, for a router in front of the servers; empty: none."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return web_address(url, "https", "http").rstrip("/") if url else url

    @field_validator("routing_header")
    @classmethod
    def _is_a_header(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]*", name):
            raise ValueError("must be the name of an HTTP header, or empty")
        return name

    @model_validator(mode="after")
    def _is_whole(self) -> "LlmOptions":
        if self.engine == "chat" and not (self.url and self.model):
            raise ValueError("engine chat needs url and model")
        if self.engine == "chat" and self.rules:
            raise ValueError("rules are for engine rules")
        if self.engine == "rules" and not self.rules:
            raise ValueError("engine rules needs at least one [[agents.NAME.llm.rules]]")
        return self


class TtsOptions(Section):
    """`[agents.NAME.tts]`: text to speech."""

    engine: Literal["espeak"] = "espeak"
    """espeak-ng: small, quick, and plainly a machine."""

    voice: Annotated[str, matching(r"[A-Za-z0-9+_-]{1,64}", "a voice of espeak-ng")] = "en-us"
    """Its name of the voice, as `en-us`, `en-us+f3`, `de`."""

    words_per_minute: int = Field(165, ge=80, le=450)
    """Speed."""

    pitch: int = Field(50, ge=0, le=100)
    """Height of the voice."""


class CascadeOptions(Section):
    """`[agents.NAME]` with `backend = "cascade"`."""

    backend: Literal["cascade"] = "cascade"
    """Speech to text, an answer, text to speech."""

    asr: AsrOptions = AsrOptions()
    llm: LlmOptions
    tts: TtsOptions = TtsOptions()

    greeting: Words = "Hello. How can I help you?"
    """Said first, when the plugin's agent `greets_first` and has no `greeting` of its own."""

    not_understood: Words = "Sorry, I did not understand that."
    """Said to a turn of which nothing was recognised."""

    apology: Words = "Sorry, something went wrong. Please say that again."
    """Said when the answer cannot be made."""

    transfer_failed: Words = "Sorry, I could not connect you."
    """Said when a rule's transfer has failed; a `chat` model says it in its own words."""

    no_input: Words = ""
    """Said when nobody has spoken for long; empty says nothing then."""

    tools: tuple[BuiltIn, ...] = Field((), max_length=3)
    """Built-in functions that a `chat` model may call."""

    functions: tuple[ToolOptions, ...] = Field((), max_length=64)
    """Functions of your own, for the same."""

    early_ms: int = Field(160, ge=0, le=2000)
    """A pause of the caller after which an answer is begun, and held until the turn is final; 0
    waits for the commit."""

    preroll_ms: int = Field(2500, ge=0, le=15_000)
    """Audio from before the moment at which a turn was found to be one."""

    max_turn_secs: float = Field(60.0, ge=1, le=600)
    """Of a longer turn the end is recognised."""

    max_reply_secs: float = Field(110.0, ge=1, le=115)
    """A longer reply is cut."""

    max_calls: int = Field(0, ge=0, le=100_000)
    """Calls at a time of this agent; 0 has no limit of its own."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> "CascadeOptions":
        names = [*self.tools, *(function.name for function in self.functions)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"the function {twice} is there twice")
        if names and self.llm.engine == "rules":
            raise ValueError(
                "tools and functions are for llm.engine chat; a rule says hangup = true"
            )
        return self
