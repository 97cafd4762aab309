"""aiomoqt: a MoQT implementation that we did not write, in a Python of its own."""

import json
import os
import subprocess
from pathlib import Path

from tests.peers.absent import absent

SCRIPTS = Path(__file__).parent / "aiomoqt"


def folder() -> Path:
    peers = os.environ.get("SIP_PLUGIN_PEERS") or Path.home() / ".cache/sip-plugin-peers"
    return Path(peers) / "aiomoqt"


def check_aiomoqt() -> Path:
    """The Python that has it. Ends the test when there is none."""
    python = folder() / "bin/python"
    if not (folder() / ".complete").exists():
        absent("aiomoqt", f"{python} is not there", "run scripts/install-peers aiomoqt")
    return python


def vectors() -> dict[str, str]:
    """Bytes that it writes, in hex, by name."""
    made = subprocess.run(
        [check_aiomoqt(), SCRIPTS / "vectors.py"], check=True, capture_output=True, timeout=60
    )
    return json.loads(made.stdout)
