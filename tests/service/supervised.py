"""A supervisor in a process of its own, with stand-ins for its children. Also run as a script."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sip_plugin.config import Config
from sip_plugin.config.load import loads
from sip_plugin.service.client import ControlClient, NoPlugin
from sip_plugin.service.log import write_child_line, write_own_lines
from sip_plugin.service.run_dir import RunDirError, claim
from sip_plugin.service.supervisor import Patience, Supervisor, child_commands

WAIT_SECS = 20.0
CONFIG = {
    "media": {"workers": 2},
    "service": {"drain_secs": 1.0},
    "trunks": {
        "lab": {
            "domain": "127.0.0.1:9",
            "require_registration": False,
            "allow_from": ["127.0.0.1"],
        }
    },
    "agents": {"parrot": {"endpoint": "quic://127.0.0.1:9", "token": "secret!"}},
}
QUICK = Patience(absent_ticks=3, ping_secs=0.1, unanswered_pings=10, term_secs=2.0)


class Supervised:
    """`with Supervised(folder) as plugin:` ends by killing whatever is left."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.run_dir = folder / "run"
        self._log = folder / "log"
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(self.run_dir), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._seen: set[int] = set()

    def __enter__(self) -> "Supervised":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self._seen:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> dict[str, Any]:
        async def ask() -> dict[str, Any]:
            async with ControlClient(self.run_dir / "control.sock") as client:
                return await client.get(path, refusal_ok=True)

        return asyncio.run(ask())

    def originate(self, number: str) -> str:
        async def ask() -> dict[str, Any]:
            async with ControlClient(self.run_dir / "control.sock") as client:
                return await client.originate(number, "parrot")

        return asyncio.run(ask())["sid"]

    def children(self) -> dict[str, int]:
        """Name and pid of the children that run now."""
        listed = self.get("/v1/workers")
        running = {
            child["name"]: child["pid"]
            for child in (listed["sip"], *listed["workers"])
            if child["pid"]
        }
        self._seen.update(running.values())
        return running

    def wait_ready(self) -> None:
        """Until it is ready for calls and every worker is connected."""
        self.wait(self._is_ready, "ready with all workers")
        self.children()

    def _is_ready(self) -> bool:
        try:
            workers = self.get("/v1/workers")["workers"]
            return self.get("/readyz")["ready"] and all(w["connected"] for w in workers)
        except NoPlugin:
            return False

    def wait(self, condition, what: str) -> Any:
        deadline = time.monotonic() + WAIT_SECS
        while not (found := condition()):
            assert time.monotonic() < deadline, f"never happened: {what}; the log:\n{self.log}"
            time.sleep(0.05)
        return found

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_SECS)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _run() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--deaf", default="", help="names of children that ignore SIGTERM")
    parser.add_argument("--broken", default="", help="name of a child that dies at once")
    parser.add_argument("--config", type=json.loads, default={})
    arguments = parser.parse_args()
    config = Config.model_validate({**CONFIG, **arguments.config})
    write_own_lines("info")
    try:
        run_dir = claim(arguments.run_dir)
    except RunDirError as error:
        print(error)
        return 1
    stand_ins = str(Path(__file__).with_name("stand_ins.py"))
    commands = {}
    for name, command in child_commands(config, run_dir).items():
        command[1:3] = [stand_ins]
        if name in arguments.deaf.split(","):
            command.append("--deaf")
        if name == arguments.broken:
            command[1:] = ["-c", "import sys; print('no luck\\x1b[2J'); sys.exit(3)"]
        commands[name] = command

    def read_again() -> Config:
        """What a test has written beside the run folder, as the file that has changed."""
        return loads(
            arguments.run_dir.with_name("new.toml").read_text(),
            name="new.toml",
            folder=arguments.run_dir,
            environ={},
        ).config

    async def supervise() -> None:
        await Supervisor(config, run_dir, write_child_line, read_again, commands, QUICK).run()

    asyncio.run(supervise())
    run_dir.release()
    return 0


if __name__ == "__main__":
    sys.exit(_run())
