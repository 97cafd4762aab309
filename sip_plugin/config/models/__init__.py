"""Every key of the configuration file, with its meaning, default and range: a module a table.

`docs/configuration.md` documents them; a test holds both together. Times in seconds. Agents are
`bridge.agent`'s, the dialplan is `dialplan.plan`'s.
"""

from sip_plugin.config.models.media import MediaConfig
from sip_plugin.config.models.service import ServiceConfig
from sip_plugin.config.models.sip import SipConfig, SipTlsConfig
from sip_plugin.config.models.trunk import TrunkConfig, TrunkTlsConfig
from sip_plugin.config.models.whole import Config

__all__ = [
    "Config",
    "MediaConfig",
    "ServiceConfig",
    "SipConfig",
    "SipTlsConfig",
    "TrunkConfig",
    "TrunkTlsConfig",
]
