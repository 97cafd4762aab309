"""How many calls one host takes: held calls with audio, and short calls at a rising rate.

    python -m benchmarks.sip_load [--quick] [--held 50,100,200] [--rates 25,50,100,150,200]
                                  [--seconds 20] [--workers 0] [--model-codec g711_ulaw]

The plugin and its gateway run as their users run them, each in processes of its own. This process
is the caller: SIP on one UDP socket, and for held calls G.711 from another, 50 packets a second a
call, for some 0.05 % of a core each. The audio goes to the model as it came, since the model's end
shares the machine here and nowhere else (`--model-codec pcm16`: at twice the rate in PCM). A call
has failed when it got no 200 in 4 s, when its BYE was not answered, or, of the held ones, when less
than 90 % of the audio came back. CPU is that of all processes of the plugin, the gateway and the
caller left out. After each row all calls are over: what the processes hold in descriptors and
memory then is compared with before. Needs no root; with the stock pjsua2 four calls at a time are
all there is, and the rows are small.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Row, publish
from benchmarks.sip_load_caller import Call, Caller
from benchmarks.sip_load_host import Host, running_host

SHORT_SECS = 0.25
"""Of a short call, from its ACK to its BYE."""
HELD_RATE = 25.0
"""Calls a second, until as many are held as there should be."""
SETTLE_SECS = 3.0


async def held(host: Host, calls: int, secs: float) -> Row:
    """So many calls at once, with audio both ways for `secs`."""
    caller = Caller(host.sip_port)
    await caller.open()
    before = (host.descriptors(), host.rss_mb())
    over, silent = asyncio.Event(), asyncio.Event()
    speaking = asyncio.create_task(caller.speak(silent))
    tasks = []
    for _ in range(calls):
        tasks.append(asyncio.create_task(caller.call(over)))
        await asyncio.sleep(1 / HELD_RATE)
    await asyncio.sleep(SETTLE_SECS)
    began, cpu = time.monotonic(), host.cpu_secs()
    await asyncio.sleep(secs)
    used = (host.cpu_secs() - cpu) / (time.monotonic() - began)
    rss = host.rss_mb()
    over.set()
    done = await asyncio.gather(*tasks)
    silent.set()
    late = await speaking
    caller.close()
    row = await _row("held", host, done, HELD_RATE, used / calls, rss, before)
    return {**row, "late_rounds": late}


async def short(host: Host, rate: float, secs: float) -> Row:
    """Calls of a quarter of a second, begun at `rate` a second, on an absolute clock."""
    caller = Caller(host.sip_port)
    await caller.open()
    before = (host.descriptors(), host.rss_mb())
    began, cpu = time.monotonic(), host.cpu_secs()
    loop = asyncio.get_running_loop()
    due, tasks, late = loop.time(), [], 0
    for _ in range(max(1, round(rate * secs))):
        tasks.append(asyncio.create_task(caller.call(SHORT_SECS)))
        due += 1 / rate
        late += loop.time() > due + 0.05
        await asyncio.sleep(max(0.0, due - loop.time()))
    done = await asyncio.gather(*tasks)
    elapsed = time.monotonic() - began
    used = (host.cpu_secs() - cpu) / elapsed
    rss = host.rss_mb()
    caller.close()
    at_once = max(1.0, len(done) * SHORT_SECS / elapsed)
    row = await _row("short", host, done, rate, used / at_once, rss, before)
    return {**row, "late_rounds": late}


async def _row(
    kind: str,
    host: Host,
    done: list[Call],
    rate: float,
    cpu_share: float,
    rss_mb: float,
    before: tuple[int, float],
) -> Row:
    await asyncio.sleep(SETTLE_SECS)
    setups = sorted(call.setup_ms for call in done if call.code == 200) or [0.0]
    failed = [call.failed for call in done if call.failed]
    for why in sorted(set(failed)):
        print(f"sip_load: {failed.count(why)} of {len(done)} failed: {why}", flush=True)
    if "503" in failed or "486" in failed:
        print(f"sip_load: {host.refusals()}", flush=True)
    print(f"sip_load: {host.rss_of_each_mb()}", flush=True)
    return {
        "kind": kind,
        "calls": len(done),
        "rate_per_s": rate,
        "failed": len(failed),
        "setup_p50_ms": round(setups[len(setups) // 2], 1),
        "setup_p99_ms": round(setups[min(len(setups) - 1, int(len(setups) * 0.99))], 1),
        "cpu_pct_per_call": round(100 * cpu_share, 2),
        "rss_mb": round(rss_mb, 1),
        "descriptors_left": host.descriptors() - before[0],
        "rss_left_mb": round(host.rss_mb() - before[1], 1),
    }


async def measure(
    held_calls: list[int], rates: list[float], secs: float, workers: int, model_codec: str
) -> list[Row]:
    rows: list[Row] = []
    most = max([*held_calls, *(round(rate) for rate in rates), 8])
    with tempfile.TemporaryDirectory() as name:
        async with running_host(Path(name), most, workers, model_codec) as host:
            room = host.room()
            # The first calls find everything cold: libraries, buffers, names.
            await short(host, 2.0, 2.0)
            for calls in dict.fromkeys(min(calls, room) for calls in held_calls):
                print(f"sip_load: {calls} calls held for {secs:g} s …", flush=True)
                rows.append(await held(host, calls, secs))
            for rate in rates:
                if rate * SHORT_SECS > room / 2:
                    print(f"sip_load: no room for {rate:g} calls a second, {room} at once")
                    break
                print(f"sip_load: {rate:g} short calls a second for {secs:g} s …", flush=True)
                rows.append(await short(host, rate, secs))
                if rows[-1]["failed"]:
                    break
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.sip_load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="20 calls held, 5 and 10 a second, 3 s"
    )
    parser.add_argument("--held", default="", help="rows of calls at a time")
    parser.add_argument("--rates", default="", help="rows of short calls a second")
    parser.add_argument("--seconds", type=float, default=0.0, help="measured time of a row")
    parser.add_argument("--workers", type=int, default=0, help="of the plugin; 0: one a core")
    parser.add_argument(
        "--model-codec",
        choices=("g711_ulaw", "pcm16"),
        default="g711_ulaw",
        help="of the model leg; pcm16 costs both of its ends more",
    )
    arguments = parser.parse_args()
    quick = arguments.quick
    held_calls = [int(n) for n in (arguments.held or ("20" if quick else "50,100,200")).split(",")]
    rates = [
        float(n) for n in (arguments.rates or ("4,8" if quick else "25,50,100,150,200")).split(",")
    ]
    secs = arguments.seconds or (3.0 if quick else 20.0)
    codec = arguments.model_codec
    rows = asyncio.run(measure(held_calls, rates, secs, arguments.workers, codec))
    failing = next(
        (row["rate_per_s"] for row in rows if row["kind"] == "short" and row["failed"]), 0
    )
    note = f"starts to fail at {failing:g} calls a second" if failing else "no rate failed"
    publish("sip_load", rows, f"percent of one core; {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
