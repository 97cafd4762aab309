"""The command `sip-plugin`. Its modules import what is heavy inside the commands."""

from sip_plugin.cli.app import main

__all__ = ["main"]
