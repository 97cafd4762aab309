"""The plugin: SIP user agent, RTP media, and the service that supervises both."""

__version__ = "0.1.0"
