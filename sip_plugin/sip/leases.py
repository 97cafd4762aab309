"""Bound RTP ports that workers handed over in advance, so that an SDP never waits for one."""

from dataclasses import dataclass, field

from sip_plugin.planes.messages import Lease

MAX_LEASES_PER_WORKER = 1024


@dataclass(slots=True)
class _Worker:
    leases: dict[str, Lease] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    has_ports: bool = False
    """It has had some to give: that all are taken at this moment does not last."""
    has_model: bool = True
    """A connection to a model stands, as far as it has said."""


class LeasePool:
    """Who has ports to give, and who carries how many calls."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self.refused = 0
        """Leases that were doubled or beyond the bound."""

    def join(self, worker: str) -> None:
        self._workers[worker] = _Worker()

    def leave(self, worker: str) -> list[str]:
        """The worker is gone, its leases with it; returns the sids of its calls."""
        gone = self._workers.pop(worker, None)
        return sorted(gone.calls) if gone else []

    def offer(self, worker: str, leases: tuple[Lease, ...]) -> None:
        """More ports of a worker that has joined."""
        held = self._workers[worker].leases
        for lease in leases:
            sound = 0 < lease.port < 65535
            if not sound or lease.lease_id in held or len(held) >= MAX_LEASES_PER_WORKER:
                self.refused += 1
            else:
                held[lease.lease_id] = lease
                self._workers[worker].has_ports = True

    def model_link(self, worker: str, connected: bool) -> None:
        """A worker that has joined tells whether any of its model connections stands."""
        self._workers[worker].has_model = connected

    @property
    def can_serve(self) -> bool:
        """There is a worker with ports, and a model to talk to."""
        return any(worker.has_ports and worker.has_model for worker in self._workers.values())

    @property
    def is_empty(self) -> bool:
        """No worker has a port to give."""
        return not any(worker.leases for worker in self._workers.values())

    def take(self, sid: str) -> tuple[str, Lease] | None:
        """A port for a call, of the worker with the fewest calls that has one; None: nobody has."""
        able = [name for name, worker in self._workers.items() if worker.leases]
        if not able:
            return None
        name = min(able, key=lambda name: len(self._workers[name].calls))
        worker = self._workers[name]
        lease = worker.leases.pop(next(iter(worker.leases)))
        worker.calls.add(sid)
        return name, lease

    def release(self, sid: str) -> None:
        """The call is over. Its port is spent: the worker closes it and offers another."""
        for worker in self._workers.values():
            worker.calls.discard(sid)

    def count(self, worker: str) -> tuple[int, int]:
        """Calls and leases of one worker."""
        one = self._workers[worker]
        return len(one.calls), len(one.leases)

    @property
    def workers(self) -> list[str]:
        return list(self._workers)
