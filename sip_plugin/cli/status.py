"""`sip-plugin status`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import PluginConfigFile, PluginRunDir, control_socket, fail, no_plugin
from sip_plugin.cli.plain import plain


def status(
    config: PluginConfigFile = None,
    run_dir: PluginRunDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Show what the running plugin does.

    Whether it can take calls and, if not, why; its trunks, processes and calls.

    Example: sip-plugin status -c sip-plugin.toml

    Exit codes: 0 ready for calls; 1 not ready, with the reasons; 5 no plugin runs there.
    """
    import asyncio

    from sip_plugin.service.client import ApiError, NoPlugin

    try:
        facts = asyncio.run(_ask(control_socket(config, run_dir)))
    except NoPlugin as error:
        raise no_plugin(error) from None
    except ApiError as error:
        raise fail(str(error), Exit.ERROR) from None
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        _print(facts)
    raise typer.Exit(Exit.OK if facts["ready"] else Exit.ERROR)


async def _ask(socket: Path) -> dict[str, Any]:
    from sip_plugin.service.client import ControlClient

    async with ControlClient(socket) as client:
        readiness = await client.get("/readyz", refusal_ok=True)
        processes = await client.get("/v1/workers")
        trunks = await client.get("/v1/trunks")
        calls = await client.get("/v1/calls?limit=20")
        return {**readiness, **processes, **trunks, **calls}


def _print(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    def table(title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        shown = Table(*columns, title=title, title_justify="left")
        for row in rows:
            shown.add_row(*(escape(plain(str(cell))) for cell in row))
        console.print(shown)

    console = Console()
    console.print("ready for calls" if facts["ready"] else "NOT ready for calls:")
    for reason in facts["reasons"]:
        console.print(f"  {plain(reason)}", markup=False)
    table(
        "trunks",
        ("name", "domain", "state", "last answer", "retry in"),
        [
            (
                trunk["name"],
                trunk["domain"],
                trunk["state"],
                f"{trunk['code'] or ''} {trunk['reason']}",
                f"{trunk['retry_in_secs']:.0f} s" if trunk["retry_in_secs"] else "",
            )
            for trunk in facts["trunks"]
        ],
    )
    table(
        "processes",
        ("name", "pid", "connected", "calls", "leases", "restarts", "last exit"),
        [
            (
                process["name"],
                process["pid"] or "-",
                "yes" if process["connected"] else "NO",
                process["calls"],
                process["leases"],
                process["restarts"],
                process["last_exit"],
            )
            for process in (facts["sip"], *facts["workers"])
        ],
    )
    table(
        "calls, newest first",
        ("sid", "state", "direction", "caller", "called", "agent", "outcome"),
        [
            (
                call["sid"],
                call["state"],
                call["direction"],
                call["caller"],
                call["called"],
                call["agent"],
                f"{call['code'] or ''} {call['reason']}",
            )
            for call in facts["calls"]
        ],
    )
