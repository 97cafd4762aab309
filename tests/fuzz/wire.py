"""The plugin's side of the wire against a gateway that is an enemy: `python -m tests.fuzz.wire`.

Rounds of calls, each treated in one of the enemy's ways, on one connection; beside them a call to
an honest gateway that must be answered in every round, and the memory of this process.
"""

import argparse
import asyncio
import contextlib
import logging
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bridge.agent import AgentSpec, TlsOptions
from bridge.leg.interface import LegFailed, ReplyAudio
from bridge.leg.quic import QuicConnection
from tests.fuzz.gateway import WAYS
from tests.leg.network import Phone, connection, place, speech, talks

CALLS = 4
"""Of a round."""


def resident_kb() -> int:
    """Memory of this process that is in use, in KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


@dataclass
class Outcome:
    calls: Counter[str] = field(default_factory=Counter)
    """By way."""
    failed: Counter[str] = field(default_factory=Counter)
    """By the code with which they ended."""
    turns: int = 0
    """Of the call beside them that were answered."""
    heard: int = 0
    """Of them, those of which something was heard; a machine under load may be late with some."""
    memory_kb: list[int] = field(default_factory=list)
    """After each round."""
    faults: list[str] = field(default_factory=list)
    """Exceptions, and log lines of that severity."""


class _Faults(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append(self.format(record))


@contextlib.asynccontextmanager
async def enemy(seed: int) -> AsyncIterator[str]:
    """Its endpoint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.gateway", "--seed", str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield (await asyncio.to_thread(process.stdout.readline)).strip()
    finally:
        process.stdin.close()
        process.wait(20)


async def attacked(rounds: int, seed: int, ways: tuple[str, ...] = WAYS) -> Outcome:
    outcome, rng = Outcome(), random.Random(seed)
    handler = _Faults(outcome.faults)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: outcome.faults.append(str(context)))
    logging.getLogger().addHandler(handler)
    try:
        async with place(pace=0) as where, connection(where) as honest, enemy(seed) as endpoint:
            good = await talks(honest, where.agent())
            bad = QuicConnection(endpoint, TlsOptions(verify=False))
            for n in range(rounds):
                chosen = [ways[(CALLS * n + m) % len(ways)] for m in range(CALLS)]
                rng.shuffle(chosen)
                calls = [
                    Phone(bad, AgentSpec(endpoint=endpoint, agent=way, open_timeout_secs=3))
                    for way in chosen
                ]
                outcome.calls.update(chosen)
                await asyncio.gather(*(_one(phone) for phone in calls))
                for _ in range(2):
                    good.call.commit(outcome.turns + 2, good.say(speech(0.1)))
                    heard = await good.reply_to(outcome.turns + 2)
                    outcome.turns += 1
                    outcome.heard += len(heard) > 0
                    good.events.clear()
                for phone in calls:
                    outcome.failed.update(
                        event.code for event in phone.events if isinstance(event, LegFailed)
                    )
                    phone.call.close("over")
                await asyncio.sleep(0.05)
                assert not bad._calls._all(), "calls that are over are kept"
                outcome.memory_kb.append(resident_kb())
            assert not any(isinstance(event, LegFailed) for event in good.events)
            await _treated_well(bad, endpoint)
            await bad.close()
    finally:
        logging.getLogger().removeHandler(handler)
    return outcome


async def _one(phone: Phone) -> None:
    """Open, say something, and listen to what comes for a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(4):
            await phone.until(lambda: bool(phone.events))
            phone.call.answered()
            for turn in (1, 2):
                phone.call.commit(turn, phone.say(speech(0.1)))
                await asyncio.sleep(0.15)


async def _treated_well(line: QuicConnection, endpoint: str) -> None:
    """The connection that has seen all that still takes a call; the enemy may need a while."""
    for _ in range(10):
        last = Phone(line, AgentSpec(endpoint=endpoint, agent="good", open_timeout_secs=3))
        await last.until(lambda last=last: bool(last.events))
        if not isinstance(last.events[0], LegFailed):
            last.call.commit(1, last.say(speech(0.1)))
            await last.until_event(ReplyAudio)
            return
    raise AssertionError("the connection takes no calls any more")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz.wire", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    outcome = uvloop.run(attacked(arguments.rounds, arguments.seed))
    print(f"seed {arguments.seed}; calls {dict(outcome.calls)}; ended {dict(outcome.failed)}")
    marks = outcome.memory_kb[:: max(1, len(outcome.memory_kb) // 10)]
    print(f"{outcome.turns} turns beside them answered, {outcome.heard} of them heard")
    print(f"KiB {marks}; {len(outcome.faults)} exceptions")
    print("\n".join(outcome.faults[:5]))
    return int(bool(outcome.faults))


if __name__ == "__main__":
    sys.exit(main())
