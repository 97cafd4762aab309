"""`sip-plugin check`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from sip_plugin.cli import tables
from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import DEFAULT_CONFIG, ConfigFile, fail

if TYPE_CHECKING:
    from pydantic import SecretStr
    from rich.table import Table

    from sip_plugin.config import Config


def check(
    config: ConfigFile = DEFAULT_CONFIG,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the file, and check nothing.")
    ] = False,
) -> None:
    """Check a configuration without starting anything.

    Prints what it sets up: trunks, agents and routes, with secrets masked. What is valid but
    looks unintended is a warning on stderr. A fault is a line on stderr: file, line, key, what
    to do.

    Example: TRUNK_PASSWORD=… sip-plugin check -c sip-plugin.toml

    Exit codes: 0 valid, with warnings or without; 2 the configuration has faults.
    """
    from rich.console import Console

    if schema:
        from importlib.resources import files

        typer.echo(files("sip_plugin.config").joinpath("schema.json").read_text("utf-8"), nl=False)
        return

    from sip_plugin.config import ConfigError
    from sip_plugin.config.advice import advice
    from sip_plugin.config.load import load_located

    try:
        located = load_located(config)
    except ConfigError as error:
        raise fail(str(error), Exit.USAGE) from None
    console = Console(highlight=False)
    for table in (
        _trunks(located.config),
        _agents(located.config),
        tables.routes(located.config.dialplan),
    ):
        console.print(table)
    for line in _process(located.config):
        console.print(line, markup=False, soft_wrap=True)
    warnings = advice(located, str(config))
    for warning in warnings:
        typer.echo(warning.as_warning(), err=True)
    count = f", {len(warnings)} warning{'s' * (len(warnings) > 1)}" if warnings else ""
    console.print(f"{config}: valid{count}", markup=False, soft_wrap=True)


def _trunks(config: "Config") -> "Table":
    return tables.table(
        "Trunks",
        ("trunk", "domain", "calls from", "user", "password", "codecs", "calls"),
        (
            (
                name,
                trunk.domain,
                "\n".join(
                    ["its registrar"] * trunk.require_registration
                    + [str(network) for network in trunk.allow_from]
                ),
                trunk.sip_username,
                _masked(trunk.sip_password),
                "\n".join(trunk.codec_preferences),
                str(trunk.channel_limit or "any"),
            )
            for name, trunk in config.trunks.items()
        ),
    )


def _agents(config: "Config") -> "Table":
    return tables.table(
        "Agents",
        ("agent", "endpoint", "name there", "token", "Hz in/out", "begins"),
        (
            (
                name,
                "\n".join(agent.weights),
                agent.agent,
                _masked(agent.token),
                f"{agent.input_rate_hz}\n{agent.output_rate_hz}",
                "agent" if agent.greets_first else "caller",
            )
            for name, agent in config.agents.items()
        ),
    )


def _process(config: "Config") -> Iterable[str]:
    sip, media = config.sip, config.media
    calls = f"at most {sip.max_calls} calls" if sip.max_calls else "calls as pjsua2 has room for"
    yield f"SIP on {sip.bind}, {calls}"
    workers = f"{media.workers} workers" if media.workers else "one worker a core"
    yield f"RTP on {media.bind_address}:{media.rtp_start_port}-{media.rtp_end_port}, {workers}"
    yield f"Recordings in {media.record_dir}" if media.record_dir else "No recordings"
    yield f"Sockets in {config.service.run_path}"


def _masked(secret: "SecretStr") -> str:
    """Not even the length is told."""
    return "********" if secret.get_secret_value() else ""
