"""The demo's caller, a process of its own so that its clock is nobody else's.

Calls a URI, talks by the script, prints one JSON object a line for what happens, and leaves its
record in a file.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bridge.audio.level import dbfs
from sip_plugin.demo import plot
from sip_plugin.demo.echo import PhoneLine
from sip_plugin.demo.phone import Phone
from sip_plugin.demo.script import Caller, Line, default_lines
from sip_plugin.sip.agent import StackError
from sip_plugin.sip.events import Confirmed, Event, MediaChanged, Progress

LEVEL_FRAMES = 5
"""Levels are told every 100 ms."""


def tell(event: str, **data: Any) -> None:
    print(json.dumps({"event": event, **data}), flush=True)


def tell_sip(event: Event) -> None:
    match event:
        case Progress(code=code, reason=reason):
            tell("sip", what=f"{code} {reason}")
        case MediaChanged(media=media):
            where = f"{media.remote_address}:{media.remote_rtp_port}"
            tell("sip", what=f"SDP: {media.codec.value}, RTP at {where}")
        case Confirmed():
            tell("sip", what="200 OK, the call is up")


async def converse(uri: str, record: Path, line: PhoneLine | None, lines: Sequence[Line]) -> None:
    task = asyncio.current_task()
    assert task is not None
    # Leaving the block of the phone says BYE, without which the plugin would wait for one.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    caller = Caller(lines)
    levels: list[tuple[float, float]] = []

    def talk(heard: np.ndarray) -> np.ndarray:
        said, events = caller.step(heard)
        for event in events:
            tell("script", type=type(event).__name__, fields=asdict(event))
        if caller.finished:
            phone.hang_up()
        levels.append((dbfs(said), dbfs(heard)))
        if len(levels) == LEVEL_FRAMES:
            caller_dbfs, agent_dbfs = np.max(levels, axis=0).round(1).tolist()
            levels.clear()
            tell("levels", caller_dbfs=caller_dbfs, agent_dbfs=agent_dbfs)
        return said

    async with Phone(tell_sip, line=line) as phone:
        tell("dialling", uri=uri)
        outcome = await phone.call(uri, talk)
        phone.record.save(record)
        tell("ended", began_unix=phone.began_unix, **asdict(outcome))


def main() -> int:
    parser = argparse.ArgumentParser(prog="sip_plugin.demo.caller", description=__doc__)
    parser.add_argument("--uri", required=True, help="whom to call, a SIP URI")
    parser.add_argument("--record", type=Path, required=True, help="file for the record (.npz)")
    parser.add_argument("--echo", help="ERL_DB:DELAY_MS of its line; without it, no echo")
    parser.add_argument("--lines", type=Path, help="file of what it says; without it, the parrot's")
    arguments = parser.parse_args()
    erl_db, _, delay_ms = (arguments.echo or "").partition(":")
    line = PhoneLine(float(erl_db), float(delay_ms)) if arguments.echo else None
    lines = plot.load(arguments.lines) if arguments.lines else default_lines()
    try:
        asyncio.run(converse(arguments.uri, arguments.record, line, lines))
    except asyncio.CancelledError:
        return 1
    except (StackError, OSError) as error:
        print(f"the caller could not call: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
