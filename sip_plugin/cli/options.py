"""Options that several commands share, and what they lead to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sip_plugin.cli.exits import Exit

if TYPE_CHECKING:
    from sip_plugin.config import Config

ConfigFile = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", help="The configuration, a TOML file."),
]
DEFAULT_CONFIG = Path("sip-plugin.toml")
PluginConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="Configuration of the running plugin: its run_dir."
    ),
]
PluginRunDir = Annotated[
    Path | None,
    typer.Option(
        "--run-dir", metavar="DIR", help="Where the plugin runs; the default run_dir if not given."
    ),
]


def fail(message: str, code: Exit) -> typer.Exit:
    """Print an error for `raise`."""
    typer.echo(message, err=True)
    return typer.Exit(code)


def load_config(path: Path) -> "Config":
    """The configuration, or its faults on stderr and exit code 2."""
    from sip_plugin.config import ConfigError, load

    try:
        return load(path)
    except ConfigError as error:
        raise fail(str(error), Exit.USAGE) from None


def control_socket(config: Path | None, run_dir: Path | None) -> Path:
    """Where the control API of the running plugin should be."""
    from sip_plugin.config import ServiceConfig

    if run_dir is None:
        service = load_config(config).service if config is not None else ServiceConfig()
        run_dir = service.run_path
    return run_dir / "control.sock"


def no_plugin(error: Exception) -> typer.Exit:
    """The error of a command that found no running plugin."""
    return fail(
        f"{error}.\nStart one with `sip-plugin run -c FILE.toml`; if it runs in another folder, "
        "name it with --run-dir DIR or -c FILE.toml.",
        Exit.NO_PLUGIN,
    )
