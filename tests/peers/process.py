"""A program under test or a peer: started in its own process group, its output kept in a file."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence, Sized
from pathlib import Path
from typing import TypeVar

from sip_plugin.service import tether

T = TypeVar("T")

POLL_SECS = 0.02

TETHERED = (sys.executable, "-I", "-S", tether.__file__)
"""The kernel ends what a killed test run leaves behind."""


class PeerError(AssertionError):
    """A peer did not do what the test needs of it; the message has the end of its log."""


def wait_until(what: Callable[[], T | None], name: str, timeout_secs: float = 10.0) -> T:
    """The first value of `what` that is not None, False or empty. Raises PeerError in the end."""
    deadline = time.monotonic() + timeout_secs
    while True:
        value = what()
        if not _is_nothing(value):
            return value
        if time.monotonic() > deadline:
            raise PeerError(f"waited {timeout_secs:g} s in vain for {name}")
        time.sleep(POLL_SECS)


def _is_nothing(value: object) -> bool:
    return value is None or value is False or (isinstance(value, Sized) and not len(value))


class Process:
    """One started program. Its standard output and error go to `log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        folder: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        self._log_file = self.log.open("ab")
        self._process = subprocess.Popen(
            [*TETHERED, str(os.getpid()), *map(str, command)],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self, lines: int = 25) -> str:
        said = [line for line in self.output().splitlines() if line.strip()]
        return "\n".join(said[-lines:])

    def wait_for(self, pattern: str, timeout_secs: float = 10.0, count: int = 1) -> re.Match[str]:
        """The `count`-th match of a regular expression in the output, once it is there."""
        return self.wait_until(
            lambda: next(iter(list(re.finditer(pattern, self.output()))[count - 1 :]), None),
            f"/{pattern}/ in its output" + (f", {count} times" if count > 1 else ""),
            timeout_secs,
        )

    def wait_until(self, what: Callable[[], T | None], name: str, timeout_secs: float = 10.0) -> T:
        """As `wait_until`, but fails at once when the program ends, and shows its last lines."""

        def alive_and_true() -> T | None:
            ended = not self.running
            value = what()
            if ended and _is_nothing(value):
                raise PeerError(f"it ended with {self.exit_code} before {name}")
            return value

        try:
            return wait_until(alive_and_true, name, timeout_secs)
        except PeerError as error:
            raise PeerError(f"{self.name}: {error}; its last lines:\n{self.tail()}") from None

    def wait(self, timeout_secs: float) -> int:
        """Its exit code. Raises PeerError when it is still running then."""
        try:
            return self._process.wait(timeout_secs)
        except subprocess.TimeoutExpired:
            raise PeerError(
                f"{self.name} still runs after {timeout_secs:g} s; its last lines:\n{self.tail()}"
            ) from None

    def signal(self, number: int) -> None:
        """To the program itself, not to its children."""
        if self.running:
            self._process.send_signal(number)

    def stop(self, timeout_secs: float = 5.0) -> int:
        """SIGTERM, then SIGKILL to the whole group. Its exit code; negative is a signal's."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_secs)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        code = self._process.wait()
        self._log_file.close()
        return code
