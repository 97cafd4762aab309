"""Agents of the gateway that are servers of speech-to-speech models, and their dialects."""

from bridge.backends.catalog import OPTIONS, Options, build
from bridge.backends.conversation import Function, ServerAgent
from bridge.backends.openai import OpenAiOptions
from bridge.backends.scripted import Scripted, ScriptedOptions, ScriptLine
from bridge.backends.vllm import VllmOptions

__all__ = [
    "OPTIONS",
    "Function",
    "OpenAiOptions",
    "Options",
    "ScriptLine",
    "Scripted",
    "ScriptedOptions",
    "ServerAgent",
    "VllmOptions",
    "build",
]
