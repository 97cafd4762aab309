"""The gateway's own file: agents by name, each with a backend."""

from sip_plugin.gateway.load import load
from sip_plugin.gateway.models import GatewayConfig

__all__ = ["GatewayConfig", "load"]
