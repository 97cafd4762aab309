"""Everything the supervisor knows, from the messages of the SIP process and its own children."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sip_plugin.config import Config
from sip_plugin.planes.messages import (
    CallEvent,
    CallRefused,
    CallReport,
    CallState,
    Message,
    TrunkState,
    WorkerState,
)
from sip_plugin.service.calls import CallRegistry
from sip_plugin.service.metrics import Metrics
from sip_plugin.service.records import Record, record
from sip_plugin.service.watchers import Watchers

USABLE_TRUNK_STATES = frozenset({"registered", "ip_trunk"})


@dataclass(slots=True)
class ChildFacts:
    """A child process as the supervisor sees it; `pid` is 0 while it does not run."""

    name: str
    pid: int = 0
    started_at: float = 0.0
    restarts: int = 0
    last_exit: str = ""


class PluginState:
    """Feed it messages; the control API and the metrics read it."""

    def __init__(
        self, config: Config, children: list[str], clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` is the wall clock, Unix seconds; `children` names sip and all workers."""
        self.config = config
        self.calls = CallRegistry()
        self.metrics = Metrics(config.trunks)
        self.watchers = Watchers()
        self.children = {name: ChildFacts(name) for name in children}
        self.linked = False
        self.draining = False
        self._workers: dict[str, WorkerState] = {}
        self._trunks: dict[str, TrunkState] = {}
        self._clock = clock

    def take(self, message: Message) -> None:
        """One message of the SIP process."""
        now = self._clock()
        match message:
            case CallState():
                self._on_call_state(message, now)
            case CallEvent():
                self.metrics.on_event(message)
                self.watchers.publish(self.calls.on_event(message, now))
            case CallReport():
                self.metrics.on_report(message)
                self.watchers.publish(self.calls.on_report(message, now))
            case CallRefused():
                self.metrics.on_refused(message)
                self.watchers.publish([record("", "refused", now, message.model_dump())])
            case TrunkState() if message.name in self.config.trunks:
                self._trunks[message.name] = message
                self.watchers.publish([record("", "trunk", now, message.model_dump())])
            case WorkerState() if message.name in self.children:
                self._workers[message.name] = message
                self.watchers.publish([record("", "worker", now, message.model_dump())])

    def link_changed(self, linked: bool) -> None:
        """The SIP process came, or went. What it had said of workers and trunks is void."""
        self.linked = linked
        self._workers.clear()
        self._trunks.clear()

    def calls_lost(self, cause: str, reason: str) -> None:
        """All running calls ended with the process that held them."""
        now = self._clock()
        for call in self.calls.newest_first():
            if not call.ended:
                self.metrics.on_lost(call.trunk, call.direction)
        self.watchers.publish(self.calls.lose_all(cause, reason, now))

    def child_started(self, name: str, pid: int) -> None:
        child = self.children[name]
        child.pid, child.started_at = pid, self._clock()

    def child_ended(self, name: str, how: str, *, restarts: bool) -> None:
        child = self.children[name]
        child.pid, child.last_exit = 0, how
        if restarts:
            child.restarts += 1
            self.metrics.on_child_died("sip" if name == "sip" else "worker")
        told: Record = record("", "child_ended", self._clock(), {"name": name, "how": how})
        self.watchers.publish([told])

    def connected_workers(self) -> set[str]:
        return {name for name, worker in self._workers.items() if worker.connected}

    def not_ready(self) -> list[str]:
        """Why no call could be taken now; empty when one could."""
        reasons = []
        if self.draining:
            reasons.append("draining: the plugin is being stopped and takes no new calls")
        if not self.linked:
            reasons.append("the SIP process is not connected")
            return reasons
        if not any(worker.connected and worker.leases for worker in self._workers.values()):
            reasons.append("no worker is connected with an RTP port to lease")
        for name, trunk in self.config.trunks.items():
            state = self._trunks.get(name)
            if trunk.require_registration and (state is None or state.state != "registered"):
                reasons.append(f"trunk {name} is {_describe(state)}")
        return reasons

    def trunks(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "domain": trunk.domain,
                "require_registration": trunk.require_registration,
                **_trunk_fields(self._trunks.get(name)),
            }
            for name, trunk in self.config.trunks.items()
        ]

    def processes(self) -> list[dict[str, Any]]:
        """The SIP process first, then every worker."""
        now = self._clock()
        shown = []
        for child in self.children.values():
            worker = self._workers.get(child.name)
            connected = self.linked if child.name == "sip" else bool(worker and worker.connected)
            shown.append(
                {
                    "name": child.name,
                    "pid": child.pid,
                    "running_secs": round(now - child.started_at, 1) if child.pid else 0.0,
                    "connected": connected,
                    "calls": worker.calls if worker else 0,
                    "leases": worker.leases if worker else 0,
                    "restarts": child.restarts,
                    "last_exit": child.last_exit,
                }
            )
        return shown

    def exposition(self) -> bytes:
        """The metrics as text."""
        return self.metrics.exposition(
            running=self.calls.running,
            linked=self.linked,
            workers=len(self.connected_workers()),
            leases=sum(worker.leases for worker in self._workers.values() if worker.connected),
            trunks={
                name: name in self._trunks and self._trunks[name].state in USABLE_TRUNK_STATES
                for name in self.config.trunks
            },
        )

    def _on_call_state(self, message: CallState, now: float) -> None:
        records = self.calls.on_state(message, now)
        if not records:
            return
        self.metrics.on_state(message)
        call = self.calls.get(message.sid)
        if call is not None and call.ended and call.answered_at is not None:
            self.metrics.on_talked(now - call.answered_at)
        self.watchers.publish(records)


def _describe(state: TrunkState | None) -> str:
    if state is None:
        return "not registered yet"
    said = f" ({state.code} {state.reason})" if state.code else ""
    again = f", retrying in {state.retry_in_secs:.0f} s" if state.retry_in_secs else ""
    return f"{state.state}{said}{again}"


def _trunk_fields(state: TrunkState | None) -> dict[str, Any]:
    if state is None:
        return {
            "state": "unknown",
            "code": 0,
            "reason": "",
            "expires_secs": 0,
            "retry_in_secs": 0.0,
        }
    return state.model_dump(exclude={"name"})
