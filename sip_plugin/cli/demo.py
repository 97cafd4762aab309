"""`sip-plugin demo`."""

import json
import signal
from pathlib import Path
from typing import Annotated, Literal

import typer

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import fail

WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where recording and picture go.")
    ] = Path("demo-out"),
    agent: Annotated[
        Literal["parrot", "assistant"],
        typer.Option(
            "--agent",
            help="Who answers: the parrot, or an assistant that understands and answers "
            "(pocketsphinx and espeak-ng, from the extra `assistant`).",
        ),
    ] = "parrot",
    first_audio_ms: Annotated[
        int,
        typer.Option(
            "--first-audio-ms", min=0, max=60_000, help="How long the parrot takes after a commit."
        ),
    ] = 150,
    canceller: Annotated[
        Literal["aec3", "webrtc_apm", "none"],
        typer.Option(
            "--canceller",
            help="The plugin's echo canceller; with none, the agent interrupts itself.",
        ),
    ] = "aec3",
    preset: Annotated[
        Literal["document", "phone"],
        typer.Option("--preset", help="The plugin's set of turn options."),
    ] = "phone",
    clean_line: Annotated[
        bool,
        typer.Option(
            "--clean-line",
            help="The caller's line returns nothing of the agent's voice, as a digital phone's; "
            "the assistant is always called from one.",
        ),
    ] = False,
    keep_logs: Annotated[
        bool, typer.Option("--keep-logs", help="Put the logs of all processes beside them.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON object on stdout; what happens goes to stderr."),
    ] = False,
) -> None:
    """Place a call to a model on this machine, and show what happens on it.

    Starts the embedded gateway with its parrot and a plugin, and calls it on loopback with a
    phone that plays recorded speech: several turns, a backchannel and a barge-in. The phone's
    line returns the agent's voice, as a raw phone leg does; the plugin cancels it. Takes about a
    minute, and needs no phone, no key and no GPU.

    Leaves in the folder: call.wav (left the caller, right the agent, as the phone heard them),
    timeline.png, events.ndjson, summary.json.

    Exit codes: 0 the call went as scripted; 1 it did not, or there was no call: the message
    says what was expected and what was seen; 2 wrong options; 130 interrupted.
    """
    import asyncio

    from rich.console import Console

    from sip_plugin.demo.echo import BAD_LINE
    from sip_plugin.demo.run import DemoFailed, DemoOptions, Result, run
    from sip_plugin.demo.show import Show

    # Words that were spoken over the agent survive the canceller well enough for turns, but not
    # always for a grammar.
    clean = clean_line or agent == "assistant"
    options = DemoOptions(
        out,
        first_audio_ms,
        canceller,
        preset,
        None if clean else BAD_LINE,
        keep_logs,
        agent,
    )

    async def interruptible(show: Show) -> Result:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        return await run(options, show)

    console = Console(stderr=as_json, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    with Show(console) as show:
        try:
            result = asyncio.run(interruptible(show))
        except DemoFailed as error:
            raise fail(f"there was no call to judge: {error}", Exit.ERROR) from None
        except OSError as error:
            raise fail(f"the demo could not run: {error}", Exit.ERROR) from None
        except asyncio.CancelledError:
            raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(result.summary))
    raise typer.Exit(Exit.OK if result.ok else Exit.ERROR)
