"""`sip-plugin gateway`."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import fail

if TYPE_CHECKING:
    from bridge.gateway import Gateway, GatewayOptions

LogLevel = Literal["debug", "info", "warning", "error"]
DEFAULT_LISTEN = "127.0.0.1:4433"


def gateway(
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="UDP address to listen on; port 0: any free.")
    ] = DEFAULT_LISTEN,
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate chain, PEM; with --key.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key, PEM.")] = None,
    write_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the certificate made at start, for tls.ca_file of the plugin's agents.",
        ),
    ] = None,
    token: Annotated[
        str,
        typer.Option(
            metavar="TOKEN",
            help="What a call must show: the token, ${ENV} or ${file:PATH}. Empty: nothing.",
        ),
    ] = "",
    first_audio_ms: Annotated[
        int, typer.Option(min=0, max=60_000, help="How long agents wait before they reply.")
    ] = 0,
    pace: Annotated[
        float,
        typer.Option(min=0, max=100, help="Speed of replies: 1 is real time, 0 all at once."),
    ] = 1.0,
    max_calls: Annotated[int, typer.Option(min=1, max=100_000, help="Calls at a time.")] = 256,
    log_level: Annotated[LogLevel, typer.Option(help="What is logged to stderr.")] = "info",
) -> None:
    """Serve the embedded agents, without a model.

    `parrot` speaks back what it heard in each turn; `greeter` chimes first, then parrots.
    Without --cert it makes a certificate at start; the plugin then verifies it with the file of
    --write-ca. Prints where it listens and what to put into the plugin's configuration.

    Example: sip-plugin gateway --write-ca gateway.pem

    Exit codes: 0 stopped as asked; 1 could not start; 2 wrong options.
    """
    import asyncio
    import logging

    import uvloop
    from pydantic import SecretStr

    from bridge.gateway import Gateway, GatewayOptions

    host, port = _address(listen)
    if (cert is None) != (key is None):
        raise fail("--cert and --key belong together: give both, or neither", Exit.USAGE)
    if cert is not None and write_ca is not None:
        raise fail("--write-ca is for the certificate made without --cert", Exit.USAGE)
    options = GatewayOptions(
        host=host,
        port=port,
        cert_file=str(cert or ""),
        key_file=str(key or ""),
        ca_out=str(write_ca or ""),
        token=SecretStr(_secret(token)),
        first_audio_ms=first_audio_ms,
        pace=pace,
        max_calls=max_calls,
    )
    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        uvloop.run(_serve(Gateway(options)))
    except (OSError, ValueError) as error:
        raise fail(f"gateway on {listen}: {error}", Exit.ERROR) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass


async def _serve(server: "Gateway") -> None:
    """Until SIGTERM or SIGINT."""
    import asyncio
    import signal

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server:
        typer.echo(f"gateway listening on {server.endpoint}")
        typer.echo(f"agents: {', '.join(sorted(server.agents))}")
        typer.echo(_snippet(server.endpoint, server.options))
        await stop.wait()


def _snippet(endpoint: str, options: "GatewayOptions") -> str:
    """What makes a plugin use it."""
    lines = ["", "In the plugin's configuration:", "", "[agents.parrot]"]
    lines += [f'endpoint = "{endpoint}"', 'agent = "parrot"']
    if options.token.get_secret_value():
        lines.append('token = "${MODEL_TOKEN}"')
    if options.ca_out:
        lines += ["[agents.parrot.tls]", f'ca_file = "{Path(options.ca_out).resolve()}"']
    elif not options.cert_file:
        lines += ["[agents.parrot.tls]", 'ca_file = "gateway.pem"', ""]
        lines.append(
            "The certificate was made for this start and is written nowhere, so a plugin would "
            "refuse it: start with --write-ca gateway.pem."
        )
    return "\n".join([*lines, ""])


def _address(listen: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:\s]+)):([0-9]{1,5})", listen)
    if match is None or int(match[3]) > 65535:
        raise fail(f"--listen {listen}: must be HOST:PORT or [IPV6]:PORT", Exit.USAGE)
    return match[1] or match[2], int(match[3])


def _secret(text: str) -> str:
    """The token itself, so that a command line that everyone may read can go without it."""
    if match := re.fullmatch(r"\$\{file:(.+)\}", text):
        try:
            return Path(match[1]).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise fail(f"--token: {match[1]}: {error}", Exit.USAGE) from None
    if match := re.fullmatch(r"\$\{(\w+)\}", text):
        value = os.environ.get(match[1], "")
        if not value:
            raise fail(f"--token: the environment has no {match[1]}", Exit.USAGE)
        return value
    return text
