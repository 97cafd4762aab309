"""What the calls of an agent of three stages share."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.backends.cascade.interface import Responder, SpeechToText, TextToSpeech
from bridge.backends.cascade.options import CascadeOptions
from bridge.backends.functions import Function


@dataclass(slots=True)
class CascadeStats:
    """Over all calls."""

    replies: int = 0
    drafts: int = 0
    """Answers begun before the commit."""
    drafts_used: int = 0
    """Of them, those that were what was asked for in the end."""
    notices: Counter[str] = field(default_factory=Counter)
    """What went wrong on calls that went on, by code."""


@dataclass(frozen=True, slots=True)
class Stages:
    name: str
    options: CascadeOptions
    ears: SpeechToText
    responder: Responder
    voice: TextToSpeech
    functions: Mapping[str, Function]
    stats: CascadeStats
