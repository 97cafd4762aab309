"""First-audio latency over a bad network: QUIC against TCP with TLS 1.3, on the same path.

Two network namespaces with real kernel TCP, 50 ms of round trip time, random or bursty loss. A
turn is 2 s of uplink at real time, a commit, and the first frame of the reply. Needs root.

    python -m benchmarks.wan [--quick] [--loss 0 0.01] [--calls 1 8 20] [--only quic]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path as File
from typing import Any

from cryptography.hazmat.primitives import serialization

from benchmarks.report import Row, publish
from benchmarks.wan_path import ADDRESSES, Path
from bridge.gateway.certificate import self_signed

RTT = 0.05
TRANSPORTS = {
    "quic": ("quic", "datagram"),
    "quic streams": ("quic", "stream"),
    "tcp+tls mux cubic": ("mux", "cubic"),
    "tcp+tls mux bbr": ("mux", "bbr"),
    "tcp+tls per call cubic": ("per_call", "cubic"),
    "tcp+tls per call bbr": ("per_call", "bbr"),
}
CONNECTIONS = {1: 10, 8: 2, 20: 1}
"""Of few calls several connections at a time, so that 200 turns do not take minutes."""
BURST = 4
"""Packets lost in a row, on average, where loss is bursty."""
TURNS = 200


class Ends:
    """The server process, and client processes one after the other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = tempfile.TemporaryDirectory()
        made = self_signed(ADDRESSES[1])
        folder = File(self._folder.name)
        (folder / "cert.pem").write_bytes(made.pem)
        (folder / "key.pem").write_bytes(
            made.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def __enter__(self) -> "Ends":
        self._server = subprocess.Popen(
            self._command(1, "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._server.stdout is not None
        self._server.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.wait()
        self._folder.cleanup()

    def uplink(self) -> dict[str, int]:
        """Frames that the model heard since the last time, and frames that it never will."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write("\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())

    def call(
        self, kind: str, control: str, connections: int, calls: int, turns: int
    ) -> dict[str, Any]:
        how = [control, *map(str, (connections, calls, turns))]
        found = subprocess.run(
            [*self._command(0, kind), *how], stdout=subprocess.PIPE, text=True, check=True
        )
        return json.loads(found.stdout)

    def _command(self, end: int, kind: str) -> list[str]:
        inside = ["ip", "netns", "exec", self._path.namespaces[end]]
        return [*inside, sys.executable, "-m", "benchmarks.wan_ends", kind, self._folder.name]


def measure(
    transports: list[str], calls: list[int], losses: list[float], bursts: list[int], turns: int
) -> tuple[list[Row], list[Row]]:
    rows, uplinks = [], []
    with Path() as path, Ends(path) as ends:
        for many, loss, burst, name in product(calls, losses, bursts, transports):
            if burst > 1 and not loss:
                continue
            kind, control = TRANSPORTS[name]
            path.be(rtt=RTT, loss=loss, burst=burst)
            connections = CONNECTIONS.get(many, 1)
            each = max(1, -(-turns // (many * connections)))
            found = ends.call(kind, control, connections, many, each)
            heard = ends.uplink()
            took = sorted(found["took"])
            label = f"{loss:.0%}" + (f" in bursts of {burst}" if burst > 1 else "")
            rows.append(
                {
                    "transport": name,
                    "calls": many,
                    "loss": label,
                    "p50_ms": percentile(took, 0.50),
                    "p95_ms": percentile(took, 0.95),
                    "p99_ms": percentile(took, 0.99),
                    "turns": len(took) + found["unanswered"],
                    "unanswered": found["unanswered"],
                }
            )
            print(rows[-1], file=sys.stderr, flush=True)
            if kind == "quic":
                frames = heard["frames"] + heard["missing"]
                uplinks.append(
                    {
                        "transport": name,
                        "calls": many,
                        "loss": label,
                        "frames": frames,
                        "never heard": heard["missing"],
                        "residual %": 100 * heard["missing"] / max(1, frames),
                        **found["stats"],
                    }
                )
    return rows, uplinks


def percentile(took: list[float], share: float) -> float | None:
    return took[min(len(took) - 1, int(len(took) * share))] * 1000 if took else None


def ratios(rows: list[Row]) -> list[str]:
    """What QUIC gains, a line for each path: p50 against TCP with cubic on one connection, p99
    against the best TCP."""
    lines = []
    for quic in (row for row in rows if row["transport"] == "quic"):
        same = [
            row
            for row in rows
            if row["calls"] == quic["calls"]
            and row["loss"] == quic["loss"]
            and row["transport"].startswith("tcp")
            and row["p50_ms"] is not None
        ]
        cubic = [row for row in same if row["transport"] == "tcp+tls mux cubic"]
        if not cubic or quic["p50_ms"] is None:
            continue
        best = min(same, key=lambda row: row["p99_ms"])
        lines.append(
            f"{quic['calls']:>3} calls, {quic['loss']} loss: p50 "
            f"{cubic[0]['p50_ms'] / quic['p50_ms']:.2f}x better than TCP+TLS cubic, p99 "
            f"{best['p99_ms'] / quic['p99_ms']:.2f}x better than the best TCP ({best['transport']})"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="20 calls and 1 %% loss, half a minute"
    )
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 8, 20])
    parser.add_argument("--loss", type=float, nargs="+", default=[0.0, 0.01, 0.03])
    parser.add_argument("--burst", type=int, nargs="+", default=[1, BURST], help="1: random")
    parser.add_argument("--only", nargs="+", default=list(TRANSPORTS), choices=list(TRANSPORTS))
    parser.add_argument("--turns", type=int, default=TURNS, help="at least, a cell")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("benchmarks.wan needs root, for network namespaces and TUN devices: not run")
        return
    if options.quick:
        some = ["quic", "tcp+tls mux cubic", "tcp+tls mux bbr"]
        rows, uplinks = measure(some, [20], [0.01], [1], 60)
    else:
        rows, uplinks = measure(
            options.only, options.calls, options.loss, options.burst, options.turns
        )
    for line in ratios(rows):
        print(line)
    if uplinks:
        publish("wan_uplink", uplinks, "What the model heard of the callers, by QUIC")
    publish("wan", rows, "A turn: 2 s of uplink, commit, first frame of the reply; RTT 50 ms")


if __name__ == "__main__":
    main()
