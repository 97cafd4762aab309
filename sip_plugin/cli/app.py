"""The Typer application: every command, and nothing else."""

from typing import Annotated

import typer

import sip_plugin
from sip_plugin.cli.call import call
from sip_plugin.cli.check import check
from sip_plugin.cli.demo import demo
from sip_plugin.cli.dialplan import app as dialplan
from sip_plugin.cli.doctor import doctor
from sip_plugin.cli.gateway import gateway
from sip_plugin.cli.reload import reload
from sip_plugin.cli.replay import replay
from sip_plugin.cli.route_test import route_test
from sip_plugin.cli.run import run
from sip_plugin.cli.status import status

app = typer.Typer(
    name="sip-plugin",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="""Puts a speech-to-speech model on a phone line.

    To see it work without a phone: sip-plugin demo

    With a trunk: sip-plugin check -c FILE.toml, then sip-plugin run -c FILE.toml, and
    sip-plugin call NUMBER --agent NAME -c FILE.toml in another terminal.

    Exit codes: 0 done; 1 could not; 2 wrong options or configuration; 3 call failed;
    4 no answer; 5 no running plugin.
    """,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sip-plugin {sip_plugin.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show and exit.")
    ] = False,
) -> None:
    pass


for _command in (demo, check, doctor, run, call, status, reload, route_test, gateway, replay):
    app.command()(_command)
app.add_typer(dialplan, name="dialplan")


def main() -> None:
    app()
