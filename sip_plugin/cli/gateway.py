"""`sip-plugin gateway`."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import fail

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from bridge.gateway import Gateway, GatewayOptions

LogLevel = Literal["debug", "info", "warning", "error"]
DEFAULT_LISTEN = "127.0.0.1:4433"


def gateway(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", metavar="FILE", help="Agents and settings, a TOML file; see below."
        ),
    ] = None,
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
    relay: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="MoQT relay that calls come through as well: moqt://HOST:PORT/PATH. Repeatable.",
        ),
    ] = None,
    relay_ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Authority that signed the relays' certificates, PEM."),
    ] = None,
    metrics_listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="TCP address of /metrics (Prometheus) and /healthz; empty: none.",
        ),
    ] = "",
    log_level: Annotated[LogLevel, typer.Option(help="What is logged to stderr.")] = "info",
) -> None:
    """Serve agents: the models' side of the plugin's calls.

    With -c FILE.toml the agents are those of the file, each with its backend: a server of a
    speech-to-speech model (openai, vllm), a cascade of speech to text, answer and text to speech
    (cascade), or one that needs no model (parrot, greeter, scripted).
    Listen address, certificate, token and limits are the file's too; of the other options only
    --listen, --write-ca, --metrics-listen and --log-level may be given beside it. Only the file has
    client_ca_file (plugins must show a certificate), jwt, max_connections, resume_secs and
    drain_secs: docs/gateway.md has every key. At start each server is asked for a connection once;
    one that refuses is a warning.

    Without -c it serves the embedded agents, without a model: `parrot` speaks back what it heard
    in each turn; `greeter` chimes first, then parrots.
    Without --cert it makes a certificate at start; the plugin then verifies it with the file of
    --write-ca. Prints where it listens and what to put into the plugin's configuration.

    Example: OPENAI_API_KEY=… sip-plugin gateway -c gateway.toml --write-ca gateway.pem

    SIGTERM or Ctrl-C ends it, after drain_secs of the file; a second one ends it at once.

    Exit codes: 0 stopped as asked; 1 could not start; 2 wrong options or file.
    """
    from pydantic import SecretStr

    from bridge.gateway import Gateway, GatewayOptions
    from sip_plugin.gateway.models import RELAY

    if config is not None:
        _serve_file(context, config)
        return
    host, port = _address("--listen", listen)
    status = _address("--metrics-listen", metrics_listen) if metrics_listen else None
    for url in relay or ():
        if not re.fullmatch(RELAY, url):
            raise fail(f"--relay {url}: must be moqt://HOST:PORT/PATH", Exit.USAGE)
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
        relays=tuple(relay or ()),
        relay_ca_file=str(relay_ca or ""),
    )
    _run(lambda: Gateway(options), listen, status, log_level)


def _serve_file(context: typer.Context, path: Path) -> None:
    """The agents of a file."""
    from sip_plugin.config import ConfigError
    from sip_plugin.gateway import load

    given = [
        name
        for name in (
            *("cert", "key", "token", "first_audio_ms", "pace", "max_calls"),
            *("relay", "relay_ca"),
        )
        if context.get_parameter_source(name).name == "COMMANDLINE"
    ]
    if given:
        option = "--" + given[0].replace("_", "-")
        raise fail(f"{option} belongs into the file when there is one ({path})", Exit.USAGE)
    try:
        config = load(path)
    except ConfigError as error:
        raise fail(str(error), Exit.USAGE) from None
    changes = {}
    asked = {
        name: value
        for name, value in context.params.items()
        if name in ("listen", "write_ca", "metrics_listen", "log_level")
        and context.get_parameter_source(name).name == "COMMANDLINE"
    }
    for name in ("listen", "metrics_listen"):
        if asked.get(name):
            _address("--" + name.replace("_", "-"), asked[name])
        if name in asked:
            changes[name] = asked[name]
    if "write_ca" in asked:
        if config.gateway.cert_file:
            raise fail("--write-ca is for the certificate made without cert_file", Exit.USAGE)
        changes["write_ca"] = str(asked["write_ca"])
    table = config.gateway.model_copy(update=changes)
    level = asked.get("log_level", table.log_level)

    def make() -> "Gateway":
        from bridge.gateway import Gateway
        from sip_plugin.gateway.agents import made

        return Gateway(table.options(), made(config, path), embedded=False)

    _run(make, table.listen, table.metrics_address, level)


def _run(
    make: "Callable[[], Gateway]",
    listen: str,
    status: tuple[str, int] | None,
    log_level: str,
) -> None:
    """Until SIGTERM or SIGINT. `make` is called on the event loop; metrics are at `status`."""
    import asyncio
    import logging

    import uvloop

    from sip_plugin.config import ConfigError

    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        uvloop.run(_serve(make, status))
    except ConfigError as error:
        raise fail(str(error), Exit.USAGE) from None
    except OSError as error:
        why = error.strerror or str(error)
        if error.filename:
            raise fail(f"{error.filename}: {why}", Exit.ERROR) from None
        raise fail(f"gateway on {listen}: {why}{_way_out(error)}", Exit.ERROR) from None
    except ValueError as error:
        raise fail(f"gateway on {listen}: {error}", Exit.ERROR) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass


def _way_out(error: OSError) -> str:
    import errno

    if error.errno == errno.EADDRINUSE:
        return "; another process has it: end that, or choose another port with --listen"
    if error.errno == errno.EADDRNOTAVAIL:
        return "; this machine has no such address: choose another with --listen"
    return ""


async def _serve(make: "Callable[[], Gateway]", status: tuple[str, int] | None) -> None:
    import asyncio
    import contextlib
    import signal

    from bridge.settle import settle
    from sip_plugin.gateway.agents import look
    from sip_plugin.gateway.status import StatusServer

    server = make()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(server)
        typer.echo(f"gateway listening on {server.endpoint}")
        typer.echo(f"agents: {', '.join(sorted(server.agents))}")
        if status is not None:
            pages = await stack.enter_async_context(StatusServer(server, *status))
            typer.echo(f"metrics: {pages.url}/metrics")
        agent = "parrot" if "parrot" in server.agents else min(server.agents)
        typer.echo(_snippet(server.endpoint, server.options, agent))
        looking = asyncio.create_task(look(server.agents))
        settle()
        await stop.wait()
        looking.cancel()
        if server.options.drain_secs:
            stop.clear()
            await _drain(server, stop)


async def _drain(server: "Gateway", stop: "asyncio.Event") -> None:
    """Until its calls have ended, or it is told once more to stop."""
    import asyncio

    waits = [asyncio.create_task(wait) for wait in (server.drain(), stop.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()


def _snippet(endpoint: str, options: "GatewayOptions", agent: str) -> str:
    """What makes a plugin use it."""
    lines = ["", "In the plugin's configuration:", "", f"[agents.{agent}]"]
    lines += [f'endpoint = "{endpoint}"', f'agent = "{agent}"']
    if options.token.get_secret_value():
        lines.append('token = "${MODEL_TOKEN}"')
    if options.ca_out:
        lines += [f"[agents.{agent}.tls]", f'ca_file = "{Path(options.ca_out).resolve()}"']
    elif not options.cert_file:
        lines += [f"[agents.{agent}.tls]", 'ca_file = "gateway.pem"', ""]
        lines.append(
            "The certificate was made for this start and is written nowhere, so a plugin would "
            "refuse it: start with --write-ca gateway.pem."
        )
    return "\n".join([*lines, ""])


def _address(option: str, listen: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:\s]+)):([0-9]{1,5})", listen)
    if match is None or int(match[3]) > 65535:
        raise fail(f"{option} {listen}: must be HOST:PORT or [IPV6]:PORT", Exit.USAGE)
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
