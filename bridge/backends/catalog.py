"""Every backend by name: its options, and the agent that they make."""

from functools import partial

from bridge.backends import embedded, openai, vllm
from bridge.backends.cascade import stages
from bridge.backends.cascade.options import CascadeOptions
from bridge.backends.embedded import ParrotOptions
from bridge.backends.functions import Function
from bridge.backends.openai import OpenAiOptions
from bridge.backends.options import ToolOptions
from bridge.backends.scripted import Scripted, ScriptedOptions
from bridge.backends.server_agent import ServerAgent
from bridge.backends.vllm import VllmOptions
from bridge.backends.webhook import webhook
from bridge.gateway.agent import Agent
from bridge.gateway.clock import SpeechClock

Options = ParrotOptions | ScriptedOptions | OpenAiOptions | VllmOptions | CascadeOptions
OPTIONS: dict[str, type[Options]] = {
    "parrot": ParrotOptions,
    "greeter": ParrotOptions,
    "scripted": ScriptedOptions,
    "openai": OpenAiOptions,
    "vllm": VllmOptions,
    "cascade": CascadeOptions,
}


def build(name: str, options: Options, clock: SpeechClock) -> Agent:
    """The agent of one table. Raises Unusable for a value of it that cannot be used here."""
    match options:
        case ParrotOptions():
            return embedded.agent(options, clock)
        case ScriptedOptions():
            return Scripted(options)
        case OpenAiOptions():
            given = (options.url, *options.fallback_urls)
            urls = [openai.connection_url(url, options.model) for url in given]
            return ServerAgent(
                name, urls, options, partial(openai.dialect, options), _hooks(options.functions)
            )
        case VllmOptions():
            urls, make = [options.url, *options.fallback_urls], partial(vllm.dialect, options)
            return ServerAgent(name, urls, options, make, _hooks(options.functions))
        case CascadeOptions():
            return stages.agent(name, options, _hooks(options.functions))
    raise AssertionError(options)


def _hooks(functions: tuple[ToolOptions, ...]) -> dict[str, Function]:
    return {function.name: webhook(function) for function in functions}
