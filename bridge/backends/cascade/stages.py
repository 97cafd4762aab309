"""The stages that options name, and the agent of them."""

from collections.abc import Mapping

from bridge.backends.cascade.agent import CascadeAgent
from bridge.backends.cascade.chat import Chat
from bridge.backends.cascade.interface import Responder
from bridge.backends.cascade.options import CascadeOptions
from bridge.backends.cascade.rules import Rules
from bridge.backends.functions import Function


def agent(
    name: str, options: CascadeOptions, functions: Mapping[str, Function] | None = None
) -> CascadeAgent:
    """Raises Unusable for a stage that is not installed, or not as it is configured."""
    from bridge.backends.cascade.espeak import Espeak
    from bridge.backends.cascade.sphinx import Pocketsphinx

    phrases = tuple(phrase for rule in options.llm.rules for phrase in rule.phrases)
    responder: Responder = (
        Chat(options.llm, options.tools, options.functions)
        if options.llm.engine == "chat"
        else Rules(options.llm)
    )
    ears = Pocketsphinx(options.asr, phrases)
    return CascadeAgent(name, options, ears, responder, Espeak(options.tts), functions)
