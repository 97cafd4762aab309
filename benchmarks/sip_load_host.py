"""The host of `benchmarks.sip_load`: the plugin and its gateway, and what the plugin uses."""

import asyncio
import contextlib
import json
import os
import random
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from sip_plugin.demo.children import Child, command
from sip_plugin.demo.setting import short_folder

ADDRESS = "127.0.0.1"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Host:
    """The plugin and its gateway, and what their processes use."""

    def __init__(self, plugin: Child, sip_port: int, run_dir: Path, log: Path) -> None:
        self._plugin, self.sip_port, self._run_dir, self.log = plugin, sip_port, run_dir, log

    @property
    def pids(self) -> list[int]:
        notes = [note.read_text().split() for note in self._run_dir.glob("*.child")]
        return [self._plugin.process.pid, *(int(words[0]) for words in notes if words)]

    def cpu_secs(self) -> float:
        return sum(_cpu_secs(pid) for pid in self.pids)

    def rss_mb(self) -> float:
        return sum(_rss_bytes(pid) for pid in self.pids) / 1e6

    def descriptors(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids)

    def rss_of_each_mb(self) -> str:
        notes = sorted(self._run_dir.glob("*.child"))
        names = ["supervisor", *(note.stem for note in notes)]
        pids = [self._plugin.process.pid, *(int(note.read_text().split()[0]) for note in notes)]
        sizes = zip(names, pids, strict=True)
        return ", ".join(f"{name} {_rss_bytes(pid) / 1e6:.0f} MB" for name, pid in sizes)

    def refusals(self) -> str:
        """The newest reason that it gave for a refusal."""
        lines = self.log.read_text(errors="replace").splitlines()
        return next(
            (line for line in reversed(lines) if "refused: " in line), "no reason is logged"
        )

    def room(self) -> int:
        """How many calls it says that it has room for."""
        for line in self.log.read_text(errors="replace").splitlines():
            if "room for" in line:
                return int(line.split("room for ")[1].split(" ")[0])
        return 4


def _cpu_secs(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


@contextlib.asynccontextmanager
async def running_host(
    folder: Path, most_calls: int, workers: int, model_codec: str = "g711_ulaw"
) -> AsyncIterator[Host]:
    """Both started, with calls possible. Raises TimeoutError.

    `model_codec`: `g711_ulaw` goes to the model as it came; `pcm16` costs its end, which shares
    the machine here and nowhere else, most.
    """
    rates = (8000, 8000) if model_codec.startswith("g711") else (16_000, 24_000)
    ports = _free_ports(2)
    first = random.randrange(20_000, 30_000, 2)
    ca_file = folder / "ca.pem"
    config = folder / "sip-plugin.toml"
    run_dir = Path(tempfile.mkdtemp(prefix="load-", dir=short_folder()))
    config.write_text(f"""\
[sip]
bind = "{ADDRESS}:{ports[0]}"
[media]
workers = {workers}
bind_address = "{ADDRESS}"
rtp_start_port = {first}
rtp_end_port = {first + 4 * most_calls + 200}
leases_per_worker = 64
[service]
run_dir = {json.dumps(str(run_dir))}
drain_secs = 1.0
[trunks.load]
domain = "{ADDRESS}:9"
require_registration = false
allow_from = ["{ADDRESS}"]
leg_profile = "aec"
[agents.parrot]
endpoint = "quic://{ADDRESS}:{ports[1]}"
agent = "parrot"
model_codec = "{model_codec}"
input_rate_hz = {rates[0]}
output_rate_hz = {rates[1]}
tls = {{ ca_file = {json.dumps(str(ca_file))} }}
[dialplan.default]
agent = "parrot"
""")
    gateway = await Child.start(
        "gateway",
        command(
            *("gateway", "--listen", f"{ADDRESS}:{ports[1]}", "--write-ca", str(ca_file)),
            *("--max-calls", str(4 * most_calls + 100)),
        ),
        folder,
    )
    plugin = await Child.start("plugin", command("run", "-c", str(config)), folder)
    try:
        async with asyncio.timeout(40):
            while "ready for calls" not in plugin.log.read_text(errors="replace"):
                plugin.check()
                gateway.check()
                await asyncio.sleep(0.1)
        yield Host(plugin, ports[0], run_dir, plugin.log)
    finally:
        await plugin.end()
        await gateway.end()
        with contextlib.suppress(OSError):
            run_dir.rmdir()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for probe in sockets:
        probe.bind((ADDRESS, 0))
    found = [probe.getsockname()[1] for probe in sockets]
    for probe in sockets:
        probe.close()
    return found
