"""One child process: started, fed its configuration, listened to, and started again when it dies.

A child has a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone and
the calls can be drained. `tether.py` ends it when the supervisor dies.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from sip_plugin.service.restart import RestartPolicy

_TETHER = Path(__file__).with_name("tether.py")
_LONGEST_LINE = 8192
_LAST_OUTPUT_SECS = 1.0
"""After a child's end its pipe may be held open by a program that it started."""

_ORDERED_ENDS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT})
"""Signals that somebody sent: what the child said before has nothing to do with its end."""

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who is told of a child's life."""

    def child_started(self, name: str, pid: int) -> None: ...

    def child_ended(self, name: str, how: str, *, restarts: bool) -> None: ...


class Child:
    def __init__(
        self,
        name: str,
        command: Sequence[str],
        document: bytes,
        listener: Listener,
        write_line: Callable[[str, str], None],
        policy: RestartPolicy | None = None,
    ) -> None:
        """`document` goes to its stdin; `write_line(name, line)` gets what it prints."""
        self.name = name
        self._command = tuple(command)
        self._document = document
        self._listener = listener
        self._write_line = write_line
        self._policy = policy or RestartPolicy()
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._kill_reason = ""
        self._last_line = ""

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    def configure(self, document: bytes) -> None:
        """What it gets when it is started again."""
        self._document = document

    async def run(self) -> None:
        """Keep it running until `stop`."""
        while not self._stopping.is_set():
            began = time.monotonic()
            self._policy.started(began)
            self._kill_reason = self._last_line = ""
            how = await self._live_once()
            ended = time.monotonic()
            if self._stopping.is_set():
                self._listener.child_ended(self.name, how, restarts=False)
                log.info("%s has ended (%s)", self.name, how)
                return
            pause = self._policy.died(ended)
            self._listener.child_ended(self.name, how, restarts=True)
            log.error(
                "%s died after %.1f s: %s; starting again in %g s",
                self.name,
                ended - began,
                how,
                pause,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    def kill(self, reason: str) -> None:
        """Replace it: end it at once, to be started again."""
        if self._process is not None:
            self._kill_reason = reason
            log.error("%s is replaced: %s", self.name, reason)
            self._signal_group(signal.SIGKILL)

    def stop(self) -> None:
        """End it for good: SIGTERM now; `run` returns when it has ended."""
        self._stopping.set()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def force(self) -> None:
        """End it for good, at once."""
        self._stopping.set()
        if self._process is not None:
            self._kill_reason = "did not end when asked to"
            self._signal_group(signal.SIGKILL)

    async def _live_once(self) -> str:
        """One life; how it ended."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())),
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                limit=_LONGEST_LINE,
            )
        except OSError as error:
            return f"could not be started: {error}"
        self._process = process
        self._listener.child_started(self.name, process.pid)
        log.info("%s started, pid %d", self.name, process.pid)
        output = asyncio.create_task(self._pass_on(process.stdout))
        try:
            if self._stopping.is_set():
                self.stop()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(self._document)
                await process.stdin.drain()
                process.stdin.close()
            await process.wait()
        finally:  # reached by cancellation too: nothing may be left behind
            if process.returncode is None:
                self._signal_group(signal.SIGKILL)
            self._process = None
            await asyncio.wait([output], timeout=_LAST_OUTPUT_SECS)
            output.cancel()
        return self._describe(process.returncode)

    async def _pass_on(self, stream: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stream.readuntil(b"\n")
            except asyncio.LimitOverrunError:
                line = await stream.read(_LONGEST_LINE)
            except asyncio.IncompleteReadError as end:
                line = end.partial
            if not line:
                return
            text = _printable(line)
            if text:
                self._last_line = text
                self._write_line(self.name, text)

    def _describe(self, code: int) -> str:
        if code < 0:
            try:
                how = f"killed by {signal.Signals(-code).name}"
            except ValueError:
                how = f"killed by signal {-code}"
        else:
            how = f"exit code {code}"
        if self._kill_reason:
            return f"{how} ({self._kill_reason})"
        if code != 0 and -code not in _ORDERED_ENDS and self._last_line:
            return f'{how}, its last words: "{self._last_line[:200]}"'
        return how

    def _signal_group(self, number: signal.Signals) -> None:
        # ESRCH between its end and our notice of it; EPERM before it has its own session.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _printable(line: bytes) -> str:
    """A line of log without what would steer a terminal."""
    text = line.decode("utf-8", "replace").rstrip()
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
