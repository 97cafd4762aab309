"""What a call costs: percent of a core, in one worker, and on which part of the path it goes.

    python -m benchmarks.cpu [--quick] [--calls 1,10,50,100] [--seconds 20] [--leg aec|raw]

RTP phones play recorded speech in a loop, a real gateway (a process of its own) speaks every turn
back. The worker is the real one; its CPU time is read from the system. After that a timer in it
tells the stages apart, for half as long again. `--leg raw` adds the echo canceller while the agent
speaks. SIP is bypassed. Needs no root.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import uvloop

from benchmarks.phones import Phone, talk
from benchmarks.report import Row, publish
from benchmarks.sampled_worker import STAGES
from benchmarks.worker_host import WorkerHost
from bridge.agent import AgentSpec, TlsOptions
from bridge.audio import g711
from bridge.audio.frames import FRAME_SAMPLES
from bridge.profile import PROFILES, ProfileName
from sip_plugin.demo import speech

LIMIT_PCT_PER_CALL = 1.0
"""At 50 calls: 100 calls a core."""
SETTLE_SECS = 2.0
PAUSE_FRAMES = 100
"""Silence after each line, in which the agent speaks back: about half of the time each."""


class Caller:
    """Plays its lines in a loop, beginning anywhere."""

    def __init__(self, loop_frames: list[bytes], rng: random.Random) -> None:
        self._frames = loop_frames
        self._offset = rng.randrange(len(loop_frames))
        self.heard_frames = 0
        self.phone = Phone(self._next_payload, self._on_packet)

    def _next_payload(self, number: int, now: float) -> bytes:
        return self._frames[(number + self._offset) % len(self._frames)]

    def _on_packet(self, payload: bytes, now: float) -> None:
        self.heard_frames += 1


def spoken_loop() -> list[bytes]:
    """A few turns, each followed by the silence in which the agent answers, in G.711 frames."""
    pieces = []
    for name in ("turn_1", "turn_2", "turn_3"):
        pieces += [speech.load(name), np.zeros(PAUSE_FRAMES * FRAME_SAMPLES, np.int16)]
    pcm = np.concatenate(pieces)
    pcm = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return [g711.encode("g711_ulaw", frame) for frame in pcm]


async def measure(
    calls: int, secs: float, leg: ProfileName, endpoint: str, ca_file: str, folder: Path
) -> Row:
    """One cell of the table."""
    rng = random.Random(calls)
    lines = spoken_loop()
    callers = {f"bench-{i}": Caller(lines, rng) for i in range(calls)}
    spec = AgentSpec(endpoint=endpoint, agent="parrot", tls=TlsOptions(ca_file=ca_file))
    samples = folder / f"samples-{calls}.json"
    os.environ["SIP_PLUGIN_SAMPLES"] = str(samples)
    reports = []
    async with WorkerHost(spec, "benchmarks.sampled_worker", PROFILES[leg]) as host:
        for sid, caller in callers.items():
            caller.phone.remote_port = await host.open(sid, caller.phone.port)
        phones = [caller.phone for caller in callers.values()]
        loop = asyncio.get_running_loop()
        talking = asyncio.create_task(talk(phones, SETTLE_SECS + 1.5 * secs + 0.5, rng))
        await asyncio.sleep(SETTLE_SECS)
        began, cpu_began = loop.time(), host.cpu_secs()
        await asyncio.sleep(secs)
        elapsed, cpu = loop.time() - began, host.cpu_secs() - cpu_began
        host.signal(signal.SIGUSR1)
        await talking
        for sid, caller in callers.items():
            reports.append(await host.close(sid))
            caller.phone.close()
    shares = json.loads(samples.read_text())
    whole = sum(shares.values())
    per_call = 100 * cpu / elapsed / calls
    row: Row = {"calls": calls, "leg": leg, "cpu_pct_per_call": round(per_call, 3)}
    for stage in (*STAGES, "other"):
        row[f"{stage}_pct"] = round(per_call * shares.get(stage, 0) / whole, 3)
    row["core_pct"] = round(100 * cpu / elapsed, 1)
    row["to_limit"] = round(per_call / LIMIT_PCT_PER_CALL, 2)
    row["commits"] = sum(report["bridge"]["commits"] for report in reports)
    row["late_phone_packets"] = sum(caller.phone.late_packets for caller in callers.values())
    return row


def start_gateway(ca_file: Path) -> tuple[subprocess.Popen[str], str]:
    """The embedded gateway in a process of its own, and its endpoint."""
    program = (
        "import asyncio, sys, uvloop\n"
        "from bridge.gateway.server import Gateway, GatewayOptions\n"
        "async def main():\n"
        "    options = GatewayOptions(port=0, ca_out=sys.argv[1], max_calls=1000)\n"
        "    async with Gateway(options) as gateway:\n"
        "        print(gateway.endpoint, flush=True)\n"
        "        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)\n"
        "uvloop.run(main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(ca_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.cpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="1 and 10 calls, 5 s each")
    parser.add_argument("--calls", default="", help="cells, calls at once")
    parser.add_argument("--seconds", type=float, default=0.0, help="measured time of a cell")
    parser.add_argument("--leg", choices=sorted(PROFILES), default="aec", help="leg profile")
    arguments = parser.parse_args()
    calls = arguments.calls or ("1,10" if arguments.quick else "1,10,50,100")
    secs = arguments.seconds or (5.0 if arguments.quick else 20.0)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gateway, endpoint = start_gateway(folder / "ca.pem")
        try:
            for n in [int(text) for text in calls.split(",")]:
                print(f"cpu: {n} calls, {secs:.0f} s …", flush=True)
                ca_file = str(folder / "ca.pem")
                rows.append(uvloop.run(measure(n, secs, arguments.leg, endpoint, ca_file, folder)))
        finally:
            assert gateway.stdin is not None
            gateway.stdin.close()
            gateway.wait()
    publish(
        "cpu", rows, f"percent of one core; to_limit is against {LIMIT_PCT_PER_CALL:g} % a call"
    )


if __name__ == "__main__":
    main()
