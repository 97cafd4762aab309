"""The configuration of the plugin: read from TOML, validated, frozen, the same in all processes."""

from sip_plugin.config.errors import ConfigError, Issue
from sip_plugin.config.load import load
from sip_plugin.config.models import (
    Config,
    MediaConfig,
    ServiceConfig,
    SipConfig,
    TrunkConfig,
)

__all__ = [
    "Config",
    "ConfigError",
    "Issue",
    "MediaConfig",
    "ServiceConfig",
    "SipConfig",
    "TrunkConfig",
    "load",
]
