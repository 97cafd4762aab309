"""Data plane: the audio of a call, its turns, and the leg to the model. Knows nothing of SIP.

For who writes an agent: `Gateway`, `AgentCall` and the events of a call can be taken from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.gateway import Agent, AgentCall, CallFailed, CallInfo, Gateway, GatewayOptions
    from bridge.gateway.events import (
        AgentEvent,
        Answered,
        CallerAudio,
        Cancelled,
        Committed,
        Digit,
        Ended,
        NoInput,
        Played,
        Primed,
    )

_GATEWAY = ("Agent", "AgentCall", "CallFailed", "CallInfo", "Gateway", "GatewayOptions")

__all__ = [
    "Agent",
    "AgentCall",
    "AgentEvent",
    "Answered",
    "CallFailed",
    "CallInfo",
    "CallerAudio",
    "Cancelled",
    "Committed",
    "Digit",
    "Ended",
    "Gateway",
    "GatewayOptions",
    "NoInput",
    "Played",
    "Primed",
]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: a media worker needs none of it.
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(
        import_module("bridge.gateway" if name in _GATEWAY else "bridge.gateway.events"), name
    )
