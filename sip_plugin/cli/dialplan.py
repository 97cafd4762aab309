"""`sip-plugin dialplan show`, `lint` and `import`."""

from pathlib import Path
from typing import Annotated

import typer

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import DEFAULT_CONFIG, ConfigFile, fail, load_config

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Show, check or import a dialplan.",
)

MAX_IMPORT_BYTES = 4 * 1024 * 1024


@app.command()
def show(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Show the dialplan as a table, in the order in which it is tried.

    Example: sip-plugin dialplan show -c sip-plugin.toml

    Exit codes: 0 shown; 2 the configuration has faults.
    """
    from rich.console import Console

    from sip_plugin.cli import tables

    plan = load_config(config).dialplan
    console = Console(highlight=False)
    console.print(tables.routes(plan))
    if plan.times:
        rows = [
            (
                name,
                times.timezone,
                "\n".join(times.hours),
                "\n".join([*times.holidays, *["a calendar"] * bool(times.calendar)]),
                "\n".join(
                    [f"open {t}" for t in times.open] + [f"closed {t}" for t in times.closed]
                ),
            )
            for name, times in plan.times.items()
        ]
        columns = ("times", "zone", "hours", "holidays", "exceptions")
        console.print(tables.table("Times", columns, rows))
    outbound = plan.outbound
    rows = [
        (
            str(place),
            "\n".join(rule.numbers) or "any",
            ", then ".join(rule.trunks) or "any that is ready",
            rule.caller_id,
        )
        for place, rule in enumerate(outbound.rules, start=1)
    ] or [("-", "any", "any that is ready", "")]
    console.print(tables.table("Outbound", ("rule", "numbers", "trunks", "caller-ID"), rows))
    countries = "any country" if outbound.international else ", ".join(outbound.countries) or "none"
    console.print(f"Countries that may be called: {countries}", markup=False, soft_wrap=True)


@app.command()
def lint(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Find what is valid in a dialplan but probably not meant.

    Routes that are never reached, patterns that overlap, own numbers without a route, agents and
    times that nothing uses.

    Example: sip-plugin dialplan lint -c sip-plugin.toml

    Exit codes: 0 nothing found; 1 something found; 2 the configuration has faults.
    """
    from sip_plugin.config import ConfigError
    from sip_plugin.config.advice import lint as find
    from sip_plugin.config.load import load_located

    try:
        located = load_located(config)
    except ConfigError as error:
        raise fail(str(error), Exit.USAGE) from None
    found = find(located, str(config))
    for issue in found:
        typer.echo(str(issue))
    if found:
        raise typer.Exit(Exit.ERROR)
    typer.echo(f"{config}: nothing to say")


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Asterisk's extensions.conf, or FreeSWITCH's XML."),
    ],
    context: Annotated[
        str, typer.Option(metavar="NAME", help="The context that calls come in by.")
    ] = "",
    agent: Annotated[
        str,
        typer.Option(metavar="NAME", help="Agent that answers where something was done."),
    ] = "parrot",
) -> None:
    """Turn a part of Asterisk's extensions.conf, or of FreeSWITCH's XML, into our dialplan.

    Prints TOML for [dialplan], and on stderr a line for each thing that was not taken over.
    docs/dialplan.md says what is.

    Example: sip-plugin dialplan import /etc/asterisk/extensions.conf --context from-trunk

    Exit codes: 0 all of it was taken over; 1 some was not; 2 the file cannot be read.
    """
    from dialplan import asterisk, freeswitch

    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_IMPORT_BYTES + 1)
    except OSError as error:
        raise fail(f"{file}: {error.strerror}", Exit.USAGE) from None
    if len(content) > MAX_IMPORT_BYTES:
        raise fail(f"{file}: has more than {MAX_IMPORT_BYTES} bytes", Exit.USAGE)
    try:
        text = content.decode("utf-8-sig", errors="replace")
        other = freeswitch if text.lstrip().startswith("<") else asterisk
        imported = other.read(text, context, agent)
    except ValueError as error:
        raise fail(f"{file}: {error}", Exit.USAGE) from None
    typer.echo(imported.toml, nl=False)
    for line, what in imported.left:
        typer.echo(f"{file}:{line}: {what}", err=True)
    if imported.left:
        raise typer.Exit(Exit.ERROR)
