"""Agents of the gateway that are servers of speech-to-speech models, and their dialects."""

from bridge.backends.cascade import CascadeAgent, CascadeOptions
from bridge.backends.catalog import OPTIONS, Options, build
from bridge.backends.functions import Function
from bridge.backends.openai import OpenAiOptions
from bridge.backends.scripted import Scripted, ScriptedOptions, ScriptLine
from bridge.backends.server_agent import ServerAgent
from bridge.backends.vllm import VllmOptions

__all__ = [
    "OPTIONS",
    "CascadeAgent",
    "CascadeOptions",
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
