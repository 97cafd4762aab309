"""`sip-plugin call`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import (
    PluginConfigFile,
    PluginRunDir,
    control_socket,
    fail,
    no_plugin,
)
from sip_plugin.cli.plain import plain

if TYPE_CHECKING:
    from sip_plugin.service.client import ControlClient

_OUTCOMES = {
    "completed": Exit.OK,
    "failed": Exit.CALL_FAILED,
    "no_answer": Exit.NO_ANSWER,
}


def call(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="To dial, such as +15551234567.")],
    agent: Annotated[str, typer.Option(help="Who speaks: the NAME of an [agents.NAME] table.")],
    trunk: Annotated[
        str, typer.Option(help="Through which trunk; the first that can if not given.")
    ] = "",
    caller_id: Annotated[
        str, typer.Option(metavar="NUMBER", help="Shown to the called party.")
    ] = "",
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:TEXT", help="Of the INVITE; may be given several times."),
    ] = None,
    config: PluginConfigFile = None,
    run_dir: PluginRunDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, the call itself last.")
    ] = False,
) -> None:
    """Place a call through the running plugin and follow it to its end.

    Shows its states and turns as they happen. Ctrl-C hangs up.

    Example: sip-plugin call +15551234567 --agent parrot -c sip-plugin.toml

    Exit codes: 0 completed; 3 refused or failed; 4 not answered; 5 no plugin runs there;
    2 wrong options.
    """
    import asyncio

    from sip_plugin.service.client import ApiError, NoPlugin

    socket = control_socket(config, run_dir)
    wanted = {"number": number, "agent": agent, "trunk": trunk, "caller_id": caller_id}
    headers = dict(_header(text) for text in header or [])
    try:
        outcome = asyncio.run(_place(socket, {**wanted, "headers": headers}, as_json))
    except NoPlugin as error:
        raise no_plugin(error) from None
    except ApiError as error:
        if as_json:
            typer.echo(json.dumps({"event": "refused", "data": error.problem}))
        raise fail(str(error), Exit.CALL_FAILED) from None
    raise typer.Exit(outcome)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise typer.BadParameter(f"{text!r} is not NAME:TEXT", param_hint="--header")
    return name.strip(), value.strip()


async def _place(socket: Path, wanted: dict[str, Any], as_json: bool) -> Exit:
    import asyncio
    import signal

    from sip_plugin.service.client import ControlClient

    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    async with ControlClient(socket) as client:
        placed = await client.originate(**wanted)
        sid = placed["sid"]
        hangup = asyncio.create_task(_hang_up_when(interrupted, client, sid))
        try:
            show = _JsonLines() if as_json else _TextLines(sid)
            async for event in client.events(sid):
                show.event(event)
            ended = await client.get(f"/v1/calls/{sid}")
        finally:
            hangup.cancel()
        show.end(ended)
    if ended["state"] not in _OUTCOMES:
        raise fail(f"the plugin stopped reporting; the call is {ended['state']}", Exit.ERROR)
    return _OUTCOMES[ended["state"]]


async def _hang_up_when(interrupted: Any, client: "ControlClient", sid: str) -> None:
    from sip_plugin.service.client import ApiError

    while True:
        await interrupted.wait()
        interrupted.clear()
        try:
            await client.hangup(sid)
        except ApiError as error:
            typer.echo(str(error), err=True)


class _JsonLines:
    def event(self, event: dict[str, Any]) -> None:
        typer.echo(json.dumps(event))

    def end(self, call: dict[str, Any]) -> None:
        typer.echo(json.dumps({"sid": call["sid"], "event": "call", "data": call}))


class _TextLines:
    """`  +1.24 s  ringing  180 Ringing`"""

    def __init__(self, sid: str) -> None:
        self._began: float | None = None
        typer.echo(f"call {sid}")

    def event(self, event: dict[str, Any]) -> None:
        if event["event"] in ("keepalive", "report"):
            return
        if self._began is None:
            self._began = event["at"]
        data = event["data"]
        if event["event"] == "state":
            name, told = data["state"], _outcome(data)
        else:
            name, told = event["event"], _told(data)
        line = f"{event['at'] - self._began:+9.2f} s  {name}"
        typer.echo(f"{line}  {told}" if told else line)

    def end(self, call: dict[str, Any]) -> None:
        talked = f", {call['talked_secs']:.1f} s talked" if call["talked_secs"] else ""
        typer.echo(f"{call['state']}: {_outcome(call) or 'no reason given'}{talked}")
        if call["latency_ms"]:
            _print_latency(call["latency_ms"], call["turns"])


def _outcome(facts: dict[str, Any]) -> str:
    """`486 Busy Here (channel_limit)`"""
    said = " ".join(filter(None, (str(facts["code"] or ""), facts["reason"])))
    cause = f"({facts['cause']})" if facts["cause"] else ""
    return plain(" ".join(filter(None, (said, cause))))


def _told(data: dict[str, Any]) -> str:
    """An event's data for the eye."""
    text = "  ".join(
        f"{key}={round(value, 1) if isinstance(value, float) else value}"
        for key, value in data.items()
    )
    return plain(text)[:200]


def _print_latency(latency: dict[str, dict[str, float]], turns: int) -> None:
    from rich.console import Console
    from rich.table import Table

    meaning = {
        "commit_ms": "end of speech to commit",
        "model_ms": "commit to first model frame",
        "playout_ms": "first model frame to first RTP packet",
        "total_ms": "end of speech to first RTP packet",
    }
    table = Table(title=f"turn latency in ms, {turns} turn(s)")
    table.add_column("part")
    for percentile in ("p50", "p95", "p99"):
        table.add_column(percentile, justify="right")
    for part, figures in latency.items():
        table.add_row(meaning.get(part, part), *(f"{value:.1f}" for value in figures.values()))
    Console().print(table)
