"""An agent for tests that says and does what a script tells it, one line a turn."""

import asyncio
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bridge.backends.options import Section, matching
from bridge.gateway.agent import AgentCall, CallFailed
from bridge.gateway.events import Answered, Cancelled, Committed
from bridge.wire.messages import MAX_TRANSCRIPT

LEVEL = 8000
"""Peak of the tone, of 32767."""
FADE_MS = 5


class ScriptLine(Section):
    """`[[agents.NAME.script]]`: what happens at one committed turn; the last one repeats."""

    wait_ms: int = Field(0, ge=0, le=60_000)
    """After the commit."""

    tone_hz: int = Field(440, ge=50, le=3400)
    """What is heard: a tone."""

    tone_ms: int = Field(1000, ge=0, le=110_000)
    """For so long."""

    text: str = Field("", max_length=MAX_TRANSCRIPT)
    """Transcript of what the agent said."""

    heard: str = Field("", max_length=MAX_TRANSCRIPT)
    """Transcript of what the caller said."""

    send_dtmf: Annotated[str, matching(r"[0-9A-D*#]{0,32}", "up to 32 of 0-9 A-D * #")] = ""
    """Keys to press after it."""

    transfer: str = Field("", max_length=256)
    """Where to transfer the caller after it."""

    hangup: bool = False
    """End the call after it."""

    fail: Annotated[str, matching(r"[a-z_]{0,64}", "a code of a-z and _")] = ""
    """Fail the call with this code, instead of anything else."""


class ScriptedOptions(Section):
    """`[agents.NAME]` with `backend = "scripted"`."""

    backend: Literal["scripted"]
    """An embedded agent: there is no server."""

    greeting: ScriptLine | None = None
    """What happens when the phone is answered."""

    script: tuple[ScriptLine, ...] = Field((ScriptLine(),), min_length=1, max_length=1000)
    """What happens at each turn."""


class Scripted:
    def __init__(self, options: ScriptedOptions) -> None:
        self._options = options

    async def __call__(self, call: AgentCall) -> None:
        script = iter(self._options.script)
        line = self._options.script[0]
        acting: asyncio.Task[None] | None = None
        failed = asyncio.get_running_loop().create_future()

        def begin(what: ScriptLine, turn: int) -> None:
            nonlocal acting
            if acting is not None:
                acting.cancel()
            acting = asyncio.create_task(_act(call, what, turn))
            acting.add_done_callback(lambda task: _pass_on(task, failed))

        async def listen() -> None:
            nonlocal line
            async for event in call:
                match event:
                    case Answered() if self._options.greeting is not None:
                        begin(self._options.greeting, 0)
                    case Committed(turn=turn):
                        line = next(script, line)
                        begin(line, turn)
                    case Cancelled() if acting is not None:
                        acting.cancel()

        listening = asyncio.create_task(listen())
        try:
            await asyncio.wait({listening, failed}, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                failed.result()
            listening.result()
        finally:
            listening.cancel()
            failed.cancel()
            if acting is not None:
                acting.cancel()


async def _act(call: AgentCall, line: ScriptLine, turn: int) -> None:
    await asyncio.sleep(line.wait_ms / 1000)
    if line.fail:
        raise CallFailed(line.fail, "the script says so")
    if line.heard:
        call.transcript("caller", line.heard, turn)
    if line.text:
        call.transcript("agent", line.text, turn)
    if not await call.send(tone(line.tone_hz, line.tone_ms, call.info.output_rate_hz), turn):
        return
    await call.end(turn)
    if line.send_dtmf:
        call.send_dtmf(line.send_dtmf)
    if line.transfer:
        call.transfer(line.transfer)
    if line.hangup:
        call.hangup("the script says so")


def tone(hz: int, ms: int, rate_hz: int) -> np.ndarray:
    """int16 `[n]`: a tone without clicks at its ends."""
    count = rate_hz * ms // 1000
    wave = LEVEL * np.sin(2 * np.pi * hz * np.arange(count) / rate_hz)
    fade = min(rate_hz * FADE_MS // 1000, count // 2)
    if fade:
        ramp = np.linspace(0.0, 1.0, fade, endpoint=False)
        wave[:fade] *= ramp
        wave[-fade:] *= ramp[::-1]
    return np.round(wave).astype(np.int16)


def _pass_on(task: "asyncio.Task[None]", failed: "asyncio.Future[None]") -> None:
    """What goes wrong while it acts ends the call."""
    if not task.cancelled() and (error := task.exception()) and not failed.done():
        failed.set_exception(error)
