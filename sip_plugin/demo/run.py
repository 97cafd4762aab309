"""The demo from start to end: gateway, plugin, a call, and what came of it."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sip_plugin.demo import children, recording, report, script, setting, telling, timeline
from sip_plugin.demo import plot as plots
from sip_plugin.demo.children import Child, ChildFailed
from sip_plugin.demo.echo import BAD_LINE, PhoneLine
from sip_plugin.demo.expectations import Check, check, self_interruptions
from sip_plugin.demo.measure import CallRecord, Outcome, phone_turns
from sip_plugin.demo.show import Show
from sip_plugin.demo.telling import Told
from sip_plugin.demo.watching import PluginEvent, of_json
from sip_plugin.service.client import ApiError, ControlClient, NoPlugin

READY_SECS = 60.0
"""Gateway and plugin: each a cold start of Python processes, maybe on a slow machine."""
READY_POLL_SECS = 0.1
CALL_SECS = 180.0
"""The script takes 45 s, and each of its waits has a bound of its own; this one is the last."""
NO_CANCELLER = """
The agent interrupted itself {times} ({when}).
The caller's line returned the agent's voice, {erl_db:g} dB quieter and {delay_ms:g} ms later, and
nothing cancelled it: to the plugin it was somebody who speaks over the agent.
That is what the canceller is for: without "--canceller none" the same call goes as scripted."""
AFTERWARDS_SECS = 20.0
"""How long the plugin's last events may take after the phone has hung up."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    out: Path
    first_audio_ms: int = 150
    canceller: str = "aec3"
    """The plugin's echo canceller, by its name in the configuration."""
    preset: str = "phone"
    """The plugin's set of turn options."""
    line: PhoneLine | None = BAD_LINE
    """The phone's; none is a clean one."""
    keep_logs: bool = False
    agent: plots.AgentName = "parrot"
    """Whom the caller speaks to."""


@dataclass(slots=True)
class Seen:
    """What was reported during the call."""

    caller: list[script.CallerEvent] = field(default_factory=list)
    plugin: list[PluginEvent] = field(default_factory=list)
    watched: asyncio.Event = field(default_factory=asyncio.Event)
    """From here on no event of the plugin is missed."""
    reported: asyncio.Event = field(default_factory=asyncio.Event)
    """The plugin has told its last of the call."""
    outcome: Outcome | None = None
    began_unix: float = 0.0

    def plugin_on_phone_clock(self) -> list[PluginEvent]:
        """The plugin's events with `audio_ms` on the phone's sample clock.

        The plugin's clock begins with the first packet that it takes, which is the phone's
        first unless the phone was quicker than the plugin's own start of the media.
        """
        started = [e.at for e in self.plugin if e.event == "media_started"]
        late_ms = max(0.0, (started[0] - self.began_unix) * 1000) if started else 0.0
        return [event.later(late_ms) for event in self.plugin]


@dataclass(frozen=True, slots=True)
class Result:
    ok: bool
    summary: dict[str, Any]
    shows_the_echo: bool = False
    """It went wrong as it was meant to: a line that echoes, and no canceller."""


class DemoFailed(Exception):
    """There was no call to judge; the message says why."""


async def run(options: DemoOptions, show: Show) -> Result:
    """Everything. Raises DemoFailed and OSError; leaves no process behind."""
    options.out.mkdir(parents=True, exist_ok=True)
    run_dir = Path(tempfile.mkdtemp(prefix="sip-plugin-demo-", dir=setting.short_folder()))
    started: list[Child] = []
    ok = interrupted = False
    try:
        place = setting.find(run_dir)
        plot = _plot(options)
        plots.save(plot.lines, _lines_file(run_dir))
        seen = await _hold_call(options, plot, place, started, show)
        show.end_meters()
        result = _judge(options, plot, seen, run_dir, show)
        # The logs are quoted for what nobody expected.
        ok = result.ok or result.shows_the_echo
        return result
    except (ChildFailed, NoPlugin, ApiError) as error:
        raise DemoFailed(str(error)) from error
    except asyncio.CancelledError:
        interrupted = True
        raise
    finally:
        for child in reversed(started):
            await child.end()
        if not ok and not interrupted:
            for child in started:
                show.quote(f"the end of {child.name}.log:", child.tail())
        if options.keep_logs or not ok:
            children.keep_logs(run_dir, options.out)
        shutil.rmtree(run_dir, ignore_errors=True)


def _plot(options: DemoOptions) -> plots.Plot:
    try:
        return plots.of(options.agent)
    except ValueError as error:
        raise DemoFailed(str(error)) from None


async def _hold_call(
    options: DemoOptions, plot: plots.Plot, place: setting.Setting, started: list[Child], show: Show
) -> Seen:
    logs = place.run_dir
    config = place.run_dir / "sip-plugin.toml"
    config.write_text(setting.configuration(place, options.canceller, options.preset, plot.agent))
    gateway = children.command(
        *("gateway", "--listen", place.gateway, "--write-ca", str(place.ca_file)),
        *plot.gateway(place.run_dir, options.first_audio_ms),
    )
    environment = os.environ | {"MODEL_TOKEN": secrets.token_urlsafe()}
    serving = await Child.start("gateway", gateway, logs, environment, read_stdout=True)
    started.append(serving)
    await _until_listening(serving)
    plugin = children.command("run", "-c", str(config))
    started.append(await Child.start("plugin", plugin, logs, environment))
    async with ControlClient(place.control_socket) as client:
        await _until_ready(client, started)
        facts = f"SIP on {setting.ADDRESS}:{place.sip_port}, control on {place.control_socket}"
        about = plot.about(options.first_audio_ms)
        show.tell(Told("gateway", f"{plot.agent} on quic://{place.gateway}, {about}"))
        show.tell(Told("plugin", f"ready: {facts}"))
        show.tell(Told("turns", f"preset “{options.preset}”, see docs/turn-taking.md"))
        if options.line is not None:
            show.tell(Told("phone", f"{options.line}; canceller: {options.canceller}"))
        seen = Seen()
        watching = asyncio.create_task(_watch(client, seen, show))
        try:
            await _first(seen.watched, watching, READY_SECS)
            await _call(options.line, place, seen, started, show)
            if not await _first(seen.reported, watching, AFTERWARDS_SECS):
                show.tell(Told("plugin", "has not reported the call", "bold red"))
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
    return seen


async def _until_listening(gateway: Child) -> None:
    """It says where it listens when it does, and has written its certificate then."""
    try:
        async with asyncio.timeout(READY_SECS):
            if not await gateway.line():
                await gateway.process.wait()
                gateway.check()
    except TimeoutError:
        raise ChildFailed(f"the gateway did not listen within {READY_SECS:g} s") from None


async def _until_ready(client: ControlClient, started: list[Child]) -> None:
    deadline = time.monotonic() + READY_SECS
    why = ""
    while time.monotonic() < deadline:
        for child in started:
            child.check()
        try:
            readiness = await client.get("/readyz", refusal_ok=True)
        except NoPlugin as error:
            why = str(error)
        else:
            if readiness.get("ready"):
                return
            why = "; ".join(readiness.get("reasons", []))
        # Readiness is asked for, as by any service manager; nothing announces it.
        await asyncio.sleep(READY_POLL_SECS)
    raise ChildFailed(f"the plugin was not ready within {READY_SECS:g} s: {why}")


async def _watch(client: ControlClient, seen: Seen, show: Show) -> None:
    try:
        async for fields in client.events(opened=seen.watched.set):
            event = of_json(fields)
            if event is not None:
                seen.plugin.append(event)
                show.tell(telling.of_plugin(event))
                if event.event == "report":
                    seen.reported.set()
    except (NoPlugin, ApiError) as error:
        # The call is judged by what came until now.
        show.tell(Told("plugin", f"its events have ended: {error}", "bold red"))


async def _call(
    line: PhoneLine | None, place: setting.Setting, seen: Seen, started: list[Child], show: Show
) -> None:
    arguments = [
        *(sys.executable, "-m", "sip_plugin.demo.caller"),
        *("--uri", place.uri, "--record", str(_record(place.run_dir))),
        *("--lines", str(_lines_file(place.run_dir))),
    ]
    if line is not None:
        arguments += ["--echo", f"{line.erl_db:g}:{line.delay_ms:g}"]
    caller = await Child.start("caller", arguments, place.run_dir, read_stdout=True)
    started.append(caller)
    try:
        async with asyncio.timeout(CALL_SECS):
            async for fields in _lines(caller):
                _take(fields, seen, show)
            await caller.process.wait()
    except TimeoutError:
        raise ChildFailed(f"the call was not over after {CALL_SECS:g} s") from None
    if seen.outcome is None:
        caller.check()
        raise ChildFailed("the caller told no outcome")


async def _lines(caller: Child) -> AsyncIterator[dict[str, Any]]:
    while line := await caller.line():
        yield json.loads(line)


def _take(fields: dict[str, Any], seen: Seen, show: Show) -> None:
    match fields:
        case {"event": "dialling", "uri": uri}:
            show.zero()
            show.tell(Told("phone", f"dials {uri}", "bold"))
        case {"event": "sip", "what": what}:
            show.tell(Told("phone", what))
        case {"event": "script", "type": name, "fields": values}:
            event = script.event_of(name, values)
            seen.caller.append(event)
            show.tell(telling.of_caller(event))
        case {"event": "levels", "caller_dbfs": caller_dbfs, "agent_dbfs": agent_dbfs}:
            show.levels(caller_dbfs, agent_dbfs)
        case {"event": "ended", "began_unix": began_unix, **outcome}:
            seen.began_unix = began_unix
            seen.outcome = Outcome(**outcome)


async def _first(event: asyncio.Event, watching: asyncio.Task[None], secs: float) -> bool:
    """Wait for the event, unless the plugin's events end or `secs` pass before; whether it came."""
    coming = asyncio.create_task(event.wait())
    await asyncio.wait((coming, watching), timeout=secs, return_when=asyncio.FIRST_COMPLETED)
    coming.cancel()
    return event.is_set()


def _record(run_dir: Path) -> Path:
    return run_dir / "call.npz"


def _lines_file(run_dir: Path) -> Path:
    return run_dir / "lines.npz"


def _judge(options: DemoOptions, plot: plots.Plot, seen: Seen, run_dir: Path, show: Show) -> Result:
    assert seen.outcome is not None
    when = datetime.now()
    record = CallRecord.load(_record(run_dir))
    events = seen.plugin_on_phone_clock()
    checks = check(plot.lines, seen.outcome, seen.caller, events, record, plot.judge)
    turns = phone_turns(record, seen.caller)
    rows = report.latency_rows(events, turns)
    files = {
        "recording": options.out / "call.wav",
        "timeline": options.out / "timeline.png",
        "events": options.out / "events.ndjson",
        "summary": options.out / "summary.json",
    }
    recording.write(files["recording"], record)
    timeline.draw(files["timeline"], record, seen.caller, events, turns, rows, when)
    files["events"].write_text(_event_lines(seen.caller, events))
    paths = {name: str(path) for name, path in files.items()}
    summary = report.summary(rows, checks, turns, record.duration_ms / 1000, paths)
    own = summary["self_interruptions_ms"] = self_interruptions(seen.caller, events)
    files["summary"].write_text(json.dumps(summary, indent=2) + "\n")
    _print(show, rows, checks, paths)
    if own and options.canceller == "none" and options.line is not None:
        when = ", ".join(f"{at_ms / 1000:.1f} s" for at_ms in own)
        times = "once" if len(own) == 1 else f"{len(own)} times"
        erl_db, delay_ms = options.line.erl_db, options.line.delay_ms
        text = NO_CANCELLER.format(times=times, when=when, erl_db=erl_db, delay_ms=delay_ms)
        show.console.print(text, style="bold", soft_wrap=True)
        return Result(summary["ok"], summary, shows_the_echo=True)
    return Result(summary["ok"], summary)


def _event_lines(caller: list[script.CallerEvent], plugin: list[PluginEvent]) -> str:
    """What both sides reported, an object a line, in the order of the phone's sample clock."""
    told = [
        (event.at_ms, {"from": "caller", "event": type(event).__name__, **asdict(event)})
        for event in caller
    ]
    told += [
        (event.audio_ms, {"from": "plugin", **asdict(event)})
        for event in plugin
        if event.audio_ms is not None
    ]
    return "".join(json.dumps(fields) + "\n" for _, fields in sorted(told, key=lambda t: t[0]))


def _print(
    show: Show, rows: list[report.LatencyRow], checks: list[Check], paths: dict[str, str]
) -> None:
    console = show.console
    console.print()
    console.print(report.check_table(checks))
    if rows:
        console.print(report.latency_table(rows))
    for name, path in paths.items():
        console.print(f"{name:<10}{path}", soft_wrap=True, highlight=False)
    failed = [c for c in checks if not c.ok]
    if failed:
        console.print(f"\n[bold red]The call did not go as scripted:[/] {len(failed)} expectations")
        for c in failed:
            console.print(
                f"  {c.name}: expected {c.expected}; seen {c.seen}", style="red", markup=False
            )
    else:
        console.print("\n[bold green]The call went as scripted.[/]")
