"""Where the demo's call takes place: free loopback ports and the plugin's configuration."""

import json
import os
import random
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

ADDRESS = "127.0.0.1"
NUMBER = "+15551234567"
RTP_PORTS = 40
MAX_FOLDER_BYTES = 50


@dataclass(frozen=True, slots=True)
class Setting:
    run_dir: Path
    gateway_port: int
    sip_port: int
    rtp_port: int

    @property
    def gateway(self) -> str:
        return f"{ADDRESS}:{self.gateway_port}"

    @property
    def uri(self) -> str:
        return f"sip:{NUMBER}@{ADDRESS}:{self.sip_port}"

    @property
    def ca_file(self) -> Path:
        """Where the gateway writes the certificate that it made for itself."""
        return self.run_dir / "gateway.pem"

    @property
    def control_socket(self) -> Path:
        return self.run_dir / "control.sock"


def short_folder() -> str:
    """For the run directory: the path of a Unix socket has room for some 100 bytes."""
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) <= MAX_FOLDER_BYTES else "/tmp"


def find(run_dir: Path) -> Setting:
    """Ports that are free now. Raises OSError."""
    with _bound() as gateway, _bound() as sip:
        rtp_port = random.randrange(30_000, 60_000, RTP_PORTS)
        return Setting(run_dir, gateway.getsockname()[1], sip.getsockname()[1], rtp_port)


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((ADDRESS, 0))
    return sock


def configuration(
    setting: Setting, canceller: str = "aec3", preset: str = "phone", agent: str = "parrot"
) -> str:
    """What `sip-plugin run -c` gets: an IP trunk from loopback, one route, one agent."""
    return f"""\
[sip]
bind = "{ADDRESS}:{setting.sip_port}"

[media]
workers = 1
bind_address = "{ADDRESS}"
rtp_start_port = {setting.rtp_port}
rtp_end_port = {setting.rtp_port + RTP_PORTS - 1}

[service]
run_dir = {json.dumps(str(setting.run_dir))}
drain_secs = 1.0

[trunks.demo]
domain = "{ADDRESS}"
require_registration = false
allow_from = ["{ADDRESS}"]
leg_profile = "raw"

[trunks.demo.leg]
canceller = "{canceller}"

[agents.{agent}]
endpoint = "quic://{setting.gateway}"
agent = "{agent}"
token = "${{MODEL_TOKEN}}"

[agents.{agent}.turn]
preset = "{preset}"

[agents.{agent}.tls]
ca_file = {json.dumps(str(setting.ca_file))}

[[dialplan.routes]]
number = "{NUMBER}"
agent = "{agent}"
"""
