"""Looks at what the plugin needs of its machine, and says what to do about what is missing."""

from sip_plugin.doctor.finding import Finding, State

__all__ = ["Finding", "State"]
