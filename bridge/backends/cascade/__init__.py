"""An agent of three stages: speech to text, a text's answer, and text to speech."""

from bridge.backends.cascade.agent import CascadeAgent
from bridge.backends.cascade.interface import (
    FunctionCall,
    Question,
    Recognition,
    Responder,
    SpeechToText,
    StageFailed,
    TextToSpeech,
    Tokens,
)
from bridge.backends.cascade.options import CascadeOptions

__all__ = [
    "CascadeAgent",
    "CascadeOptions",
    "FunctionCall",
    "Question",
    "Recognition",
    "Responder",
    "SpeechToText",
    "StageFailed",
    "TextToSpeech",
    "Tokens",
]
