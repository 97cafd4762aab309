"""Configurations of the tests."""

from collections.abc import Mapping
from pathlib import Path

from sip_plugin.config import Config, ConfigError
from sip_plugin.config.load import loads

TRUNK = """\
[trunks.main]
domain = "sip.example.net"
sip_username = "1001"
sip_password = "${TRUNK_PASSWORD}"
"""
AGENT = """\
[agents.parrot]
endpoint = "quic://127.0.0.1:4433"
token = "${MODEL_TOKEN}"
"""
SECRETS = {"TRUNK_PASSWORD": "correct horse", "MODEL_TOKEN": "battery staple"}


def read(text: str, environ: Mapping[str, str] = SECRETS, folder: Path = Path()) -> Config:
    return loads(text, name="f.toml", folder=folder, environ=environ).config


def faults(text: str, environ: Mapping[str, str] = SECRETS, folder: Path = Path()) -> list[str]:
    """Each fault as it is printed; empty when there is none."""
    try:
        read(text, environ, folder)
    except ConfigError as error:
        return str(error).splitlines()
    return []
