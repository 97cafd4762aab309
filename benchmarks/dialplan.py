"""How long a decision takes with many routes, beside trying each of them.

`python -m benchmarks.dialplan`
"""

import random
import statistics
import time
from collections.abc import Callable

from benchmarks.report import Row, publish
from dialplan import CallFacts, Default, Dialplan, Plan, Route

CALLS = 1000
SIZES = (10, 100, 1000, 10_000)


def numbers(count: int) -> Dialplan:
    return _plan(Route(number=f"+1555{n:07}", agent="a") for n in range(count))


def mixed(count: int) -> Dialplan:
    """Numbers, prefixes, patterns and expressions, a quarter each."""

    def route(n: int) -> Route:
        match n % 4:
            case 0:
                return Route(number=f"+1555{n:07}", agent="a")
            case 1:
                return Route(prefix=f"+1556{n:06}", agent="a")
            case 2:
                return Route(pattern=f"_+1557{n:06}[0-4]", agent="a")
        return Route(regex=rf"\+1558{n:06}(\d)", agent="a")

    return _plan(route(n) for n in range(count))


def _plan(routes) -> Dialplan:
    return Dialplan(Plan(routes=tuple(routes), default=Default(reject=404)))


def called(count: int, rng: random.Random) -> list[CallFacts]:
    """Numbers of routes anywhere in the plan, and some of none."""
    return [
        CallFacts(f"+155{rng.choice('5678')}{rng.randrange(count):06}{rng.randrange(10)}")
        for _ in range(CALLS)
    ]


def measure() -> list[Row]:
    rng = random.Random(1)
    rows: list[Row] = []
    for name, made in (("numbers", numbers), ("mixed", mixed)):
        for size in SIZES:
            begun = time.perf_counter()
            dialplan = made(size)
            ready_ms = (time.perf_counter() - begun) * 1000
            calls = called(size, rng)
            indexed = _each_us(dialplan.decide, calls)
            scanned = _each_us(dialplan.decide_by_scan, calls[:: max(1, size // 100)])
            rows.append(
                {
                    "routes": f"{size} {name}",
                    "decide median us": statistics.median(indexed),
                    "decide p99 us": statistics.quantiles(indexed, n=100)[98],
                    "scan median us": statistics.median(scanned),
                    "ratio": statistics.median(scanned) / statistics.median(indexed),
                    "made ready ms": ready_ms,
                }
            )
    return rows


def _each_us(decide: Callable[[CallFacts], object], calls: list[CallFacts]) -> list[float]:
    found = []
    for call in calls:
        begun = time.perf_counter()
        decide(call)
        found.append((time.perf_counter() - begun) * 1e6)
    return found


if __name__ == "__main__":
    publish("dialplan", measure(), "decide: with the index; scan: each route in its order")
