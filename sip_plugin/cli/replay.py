"""`sip-plugin replay`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import fail

if TYPE_CHECKING:
    from bridge.replay import Progress, Recording

WIDTH = 120
"""Columns of a table that goes to a file or a pipe."""
PATIENCE_SECS, EVERY_SECS = 2.0, 2.0
"""Progress is told from then on, and so often."""
PICTURES = (".png", ".svg")


def replay(
    caller: Annotated[
        Path,
        typer.Argument(
            metavar="CALLER.wav", help="What the caller said; stereo: caller left, agent right."
        ),
    ],
    agent: Annotated[
        Path | None,
        typer.Option("--agent", metavar="AGENT.wav", help="What was sent to the phone meanwhile."),
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="The leg: raw or aec.")
    ] = "raw",
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="A named set of turn options.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A turn or leg option; may be repeated."),
    ] = None,
    reply_ms: Annotated[
        int,
        typer.Option(
            "--reply-ms", min=0, max=60_000, help="How long after a commit a reply is heard."
        ),
    ] = 300,
    as_json: Annotated[
        bool, typer.Option("--json", help="Only one JSON object a line for each event.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png|svg", help="Draw the call.")
    ] = None,
) -> None:
    """Run a recorded call through the audio path and the turn detector of a live one.

    To choose options on recordings of one's own calls. The loop is open: the recorded agent
    talks on after a cancel. It speaks wherever its track is not digital silence of 200 ms or
    more. A reply is supposed to be heard --reply-ms after each commit and to be over at once.

    Example: sip-plugin replay call.wav --preset phone --set silence_threshold_ms=600

    Exit codes: 0 done; 1 the picture could not be written; 2 wrong options or no such recording.
    """
    from rich.console import Console

    from bridge.audio.canceller import CancellerUnavailable
    from bridge.replay import analyse, detect
    from sip_plugin.replay import telling, tracks
    from sip_plugin.replay.facts import happenings, summarise
    from sip_plugin.replay.settings import SettingError, settle
    from sip_plugin.replay.wav import WavError

    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise fail(f"--plot {plot}: a picture is a .png or a .svg file", Exit.USAGE)
    try:
        settings = settle(profile, preset, setting or [])
        recording = tracks.load(caller, agent)
        (heard,) = analyse([recording], settings.profile, _progress(recording))
    except (SettingError, WavError, CancellerUnavailable) as error:
        raise fail(str(error), Exit.USAGE) from None
    events = detect(heard, settings.options, reply_ms)
    told = list(happenings(events, heard))
    if as_json:
        for happening in told:
            typer.echo(happening.line())
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = WIDTH
        telling.tell(console, caller, settings, told, heard, summarise(events, heard))
    if plot is not None:
        from sip_plugin.replay import picture

        try:
            picture.draw(plot, caller.name, settings.title, recording, told)
        except OSError as error:
            raise fail(f"{plot} cannot be written: {error.strerror}", Exit.ERROR) from None


def _progress(recording: "Recording") -> "Progress":
    """On stderr, for what takes long."""
    total = recording.frames
    began = last = time.monotonic()

    def tell(frames: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - began < PATIENCE_SECS or now - last < EVERY_SECS:
            return
        last = now
        left = (now - began) * (total - frames) / frames
        done = f"{frames / total:.0%} of {total / 50 / 60:.1f} min"
        print(f"replay: {done}, {left:.0f} s left", file=sys.stderr)

    return tell
