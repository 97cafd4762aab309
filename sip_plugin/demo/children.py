"""The demo's processes: started, watched, ended, and their logs kept."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

END_SECS = 8.0
"""After SIGTERM; then SIGKILL."""


class ChildFailed(Exception):
    """A process of the demo did not do its part; the message says which and how."""


def command(*arguments: str) -> list[str]:
    """The `sip-plugin` of this very Python."""
    script = Path(sys.executable).with_name("sip-plugin")
    if script.exists():
        return [str(script), *arguments]
    return [sys.executable, "-c", "from sip_plugin.cli import main; main()", *arguments]


class Child:
    """One process, in a session of its own: Ctrl-C reaches the demo, which ends it in order."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name, self.process, self.log = name, process, log

    @classmethod
    async def start(
        cls,
        name: str,
        arguments: Sequence[str],
        logs: Path,
        environment: Mapping[str, str] | None = None,
        *,
        read_stdout: bool = False,
    ) -> "Child":
        """stderr, and stdout unless it is to be read, go to `logs / NAME.log`."""
        log = logs / f"{name}.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if read_stdout else file,
                stderr=file,
                env=environment,
                start_new_session=True,
            )
        return cls(name, process, log)

    def check(self) -> None:
        """Raises ChildFailed when the process has ended."""
        if self.process.returncode is not None:
            raise ChildFailed(f"{self.name} ended with exit code {self.process.returncode}")

    async def line(self) -> bytes:
        """The next one of its stdout; empty when that has ended."""
        assert self.process.stdout is not None, "its stdout goes to the log"
        return await self.process.stdout.readline()

    def tail(self, lines: int = 15) -> list[str]:
        with contextlib.suppress(OSError):
            return self.log.read_text(errors="replace").splitlines()[-lines:]
        return []

    async def end(self) -> None:
        """SIGTERM, and SIGKILL when that was not enough."""
        if self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), END_SECS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


def keep_logs(logs: Path, out: Path) -> None:
    for log in logs.glob("*.log"):
        shutil.copy(log, out / log.name)
