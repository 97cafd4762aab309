"""Prints the simulated rows of docs/model-leg.md: `python -m tests.quic.table`."""

from functools import partial

from tests.quic.simulated import (
    PACKET,
    TICK,
    PathModel,
    Simulation,
    bursty_loss,
    in_slices,
    random_loss,
)

SECS = 25.0
PACKETS = 11
"""A tick of 20 calls of PCM16 at 16 kHz."""
OFFERED = PACKETS * PACKET / TICK
PATHS = {
    "no loss, no limit": PathModel,
    "1 % random loss": lambda: PathModel(loss=random_loss(0.01)),
    "3 % random loss": lambda: PathModel(loss=random_loss(0.03)),
    "3 % in bursts of 4": lambda: PathModel(loss=bursty_loss(0.03)),
    "a bottleneck of 60 %": lambda: PathModel(rate=0.6 * OFFERED),
    "the same, 3 % random loss": lambda: PathModel(rate=0.6 * OFFERED, loss=random_loss(0.03)),
    "a bottleneck of 30 %": lambda: PathModel(rate=0.3 * OFFERED),
    "a policer of 50 %, a queue of 4 packets": lambda: PathModel(
        rate=0.5 * OFFERED, queue_bytes=4 * PACKET
    ),
}
MANY = 60
"""A tick of 100 calls."""
SLICE = 0.01


def row(name: str, call: Simulation) -> None:
    call.run(2.0)
    call.path.deepest = 0.0
    out = call.run(SECS)
    delays = [delay * 1000 for delay in out.delays(since=2.0)]
    half, most = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    print(
        f"| {name} | {len(out.delivered) / out.offered:.0%} | {out.shed / out.offered:.0%} "
        f"| {half:.0f} / {most:.0f} | {call.path.deepest * 1000:.0f} |"
    )


def main() -> None:
    for name, path in PATHS.items():
        row(name, Simulation(path(), PACKETS))
    for rtt in (0.001, 0.05):
        for pause in (0.03, 0.06, 0.09):
            late = partial(in_slices, SLICE, pause)
            where = f"RTT {rtt * 1000:.0f} ms, pauses of {pause * 1000:.0f}"
            row(f"{where} there", Simulation(PathModel(rtt), MANY, there=late()))
            call = Simulation(PathModel(rtt), MANY, here=late(), there=late(0.013))
            row(f"{where} at both", call)


if __name__ == "__main__":
    main()
