"""The `sip-plugin run` process: keeps the SIP process and the workers alive, and ends in order.

Child processes: one `python -m sip_plugin.sip`, N `python -m sip_plugin.media`. All get the same
configuration as JSON on their stdin. The supervisor handles no SIP and no audio; when it dies, so
do they (tether.py).
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.secret import REVEAL
from sip_plugin.config import Config
from sip_plugin.service.absences import Absences
from sip_plugin.service.api import ControlApi
from sip_plugin.service.child import Child
from sip_plugin.service.reload import NotReloaded, Reloader
from sip_plugin.service.run_dir import RunDir
from sip_plugin.service.sip_link import NotAsked, SipLink
from sip_plugin.service.state import PluginState

_TICK_SECS = 1.0
_READY_SECS = 10.0
"""A plugin that is not ready so long after its start says why."""
_HANGUP_SECS = 3.0
"""For the BYEs of calls that outlasted the drain."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a process may be silent before it is replaced: generous, machines stall."""

    absent_ticks: int = 15
    """Seconds for a process that runs to connect, or to come back, to the SIP process. It cuts
    the link of a worker that leaves its pings unanswered, which begins this time."""
    ping_secs: float = 2.0
    unanswered_pings: int = 6
    term_secs: float = 8.0
    """From SIGTERM to SIGKILL: the SIP process says BYE and unregisters in it."""


def child_commands(config: Config, run_dir: RunDir) -> dict[str, list[str]]:
    """Name and command line of every child; `sip` is the first."""
    count = config.media.workers or usable_cores()
    modules = {"sip": "sip_plugin.sip"}
    modules |= {f"worker-{n}": "sip_plugin.media" for n in range(count)}
    return {
        name: [sys.executable, "-m", module, "--run-dir", str(run_dir.path), "--name", name]
        for name, module in modules.items()
    }


def usable_cores() -> int:
    """Cores that this process may run on, where the system tells (a container may have fewer)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Supervisor:
    def __init__(
        self,
        config: Config,
        run_dir: RunDir,
        write_line: Callable[[str, str], None],
        read_again: Callable[[], Config],
        commands: dict[str, Sequence[str]] | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`read_again` reads the configuration anew, or raises ConfigError. `commands` replaces
        the child processes, `sip` among them, for tests.
        """
        self._config = config
        self._run_dir = run_dir
        self._patience = patience or Patience()
        commands = commands or child_commands(config, run_dir)
        self.state = PluginState(config, list(commands))
        document = config.model_dump_json(context=REVEAL).encode()
        self._children = {
            name: Child(name, command, document, self, write_line)
            for name, command in commands.items()
        }
        self._link = SipLink(
            run_dir.plane_socket,
            self.state.take,
            self._on_link,
            ping_secs=self._patience.ping_secs,
            patience=self._patience.unanswered_pings,
        )
        self._reloader = Reloader(config, read_again, self._link, self._on_new_config)
        self._api = ControlApi(self.state, self._link, self._reloader.reload)
        self._reloads: set[asyncio.Task[None]] = set()
        self._asked = 0
        self._asked_again = asyncio.Event()
        self._ready: bool | None = None
        """None until it was first ready, or said why it is not."""
        self._watched_since = 0.0

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, and the drain that follows. Raises OSError at the start."""
        await self._api.start(self._run_dir.control_socket)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup_signal)
        children = {
            name: asyncio.create_task(child.run()) for name, child in self._children.items()
        }
        helpers = [asyncio.create_task(self._link.run()), asyncio.create_task(self._watch())]
        stopped = asyncio.create_task(self._stop_and_drain())
        try:
            # Only the drain ends by itself; whatever else does has met a fault of ours.
            await asyncio.wait(
                [*children.values(), *helpers, stopped], return_when=asyncio.FIRST_COMPLETED
            )
            for task in (*children.values(), *helpers):
                if task.done():
                    task.result()
            await self._end_children(children)
        finally:
            for task in (*children.values(), *helpers, stopped):
                task.cancel()
            await asyncio.gather(*children.values(), *helpers, stopped, return_exceptions=True)
            await self._api.close()

    def stop(self) -> None:
        """First: drain. Second: hang up and end now. Third: kill the children."""
        self._asked += 1
        self._asked_again.set()
        if self._asked == 2:
            log.warning("asked again: running calls are hung up now")
        elif self._asked > 2:
            for child in self._children.values():
                child.force()

    def child_started(self, name: str, pid: int) -> None:
        self._run_dir.note_child(name, pid)
        self.state.child_started(name, pid)

    def child_ended(self, name: str, how: str, *, restarts: bool) -> None:
        self._run_dir.forget_child(name)
        self.state.child_ended(name, how, restarts=restarts)
        if name == "sip":
            self.state.calls_lost("sip_process_lost", f"the SIP process ended: {how}")

    def _on_link(self, linked: bool) -> None:
        self.state.link_changed(linked)
        if linked:
            # It tells of its calls anew; those it does not know ended while nobody listened.
            self.state.calls_lost("link_lost", "the SIP process was out of reach")

    def _on_hangup_signal(self) -> None:
        task = asyncio.create_task(self._reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload(self) -> None:
        with contextlib.suppress(NotReloaded):  # it is logged
            await self._reloader.reload()

    def _on_new_config(self, config: Config, document: bytes) -> None:
        self._config = self.state.config = config
        for child in self._children.values():
            child.configure(document)

    async def _watch(self) -> None:
        """Once a second: replace what is stuck, say when the plugin becomes ready or ceases to."""
        workers = Absences(self._patience.absent_ticks)
        sip = Absences(self._patience.absent_ticks)
        self._watched_since = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_SECS)
            running = [(name, child.pid) for name, child in self._children.items() if child.pid]
            self._replace_stuck_sip(sip, running)
            if self._link.linked:
                others = [(name, pid) for name, pid in running if name != "sip"]
                for name in workers.tick(others, self.state.connected_workers()):
                    self._children[name].kill(
                        f"not connected to the SIP process for {self._patience.absent_ticks} s"
                    )
            else:
                workers.reset()
            self._tell_readiness()

    def _replace_stuck_sip(self, absences: Absences, running: list[tuple[str, int]]) -> None:
        child = self._children["sip"]
        if self._link.stuck and child.pid:
            pings = self._patience.unanswered_pings
            child.kill(f"left {pings} pings unanswered, one every {self._patience.ping_secs:g} s")
        only_sip = [(name, pid) for name, pid in running if name == "sip"]
        if absences.tick(only_sip, {"sip"} if self._link.linked else set()):
            child.kill(f"no connection to it for {self._patience.absent_ticks} s")

    def _tell_readiness(self) -> None:
        if self.state.draining:
            return
        reasons = self.state.not_ready()
        starting = self._ready is None and time.monotonic() - self._watched_since < _READY_SECS
        if self._ready == (not reasons) or (reasons and starting):
            return
        self._ready = not reasons
        if self._ready:
            log.info("ready for calls; control socket %s", self._run_dir.control_socket)
        else:
            log.warning("not ready for calls: %s", "; ".join(reasons))

    async def _stop_and_drain(self) -> None:
        await self._asked_again.wait()
        self._asked_again.clear()
        self.state.draining = True
        drain_secs = self._config.service.drain_secs
        self._link.drain(max(1, round(drain_secs)))
        running = self.state.calls.running
        log.info("stopping: no new calls; %d running may go on for %g s", running, drain_secs)
        await self._no_calls_within(drain_secs)
        left = [call for call in self.state.calls.newest_first() if not call.ended]
        if not left:
            return
        log.warning("hanging up %d call(s) that still run", len(left))
        try:
            for call in left:
                self._link.hangup(call.sid, "the plugin stops", "shutdown")
        except NotAsked as error:
            log.error("running calls were not hung up: %s", error)
        await self._no_calls_within(_HANGUP_SECS)

    async def _no_calls_within(self, secs: float) -> None:
        """Returns when no call runs, the time is over, or somebody asks again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + secs
        while self.state.calls.running and loop.time() < until and not self._asked_again.is_set():
            await asyncio.sleep(0.1)
        self._asked_again.clear()

    async def _end_children(self, tasks: dict[str, asyncio.Task[None]]) -> None:
        """The SIP process first, so that workers serve its last words; then the workers."""
        for names in (["sip"], [name for name in self._children if name != "sip"]):
            for name in names:
                self._children[name].stop()
            waiting = [tasks[name] for name in names]
            if not waiting:
                continue
            _, left = await asyncio.wait(waiting, timeout=self._patience.term_secs)
            if left:
                for name in names:
                    if not tasks[name].done():
                        log.error("%s did not end within %g s", name, self._patience.term_secs)
                        self._children[name].force()
                await asyncio.wait(waiting)
