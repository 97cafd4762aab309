"""The model side: a QUIC server that carries calls to agents."""

from bridge.gateway.agent import Agent, AgentCall, CallFailed, CallInfo
from bridge.gateway.server import Gateway, GatewayOptions

__all__ = ["Agent", "AgentCall", "CallFailed", "CallInfo", "Gateway", "GatewayOptions"]
