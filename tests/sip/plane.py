"""Clients of the SIP process, as a worker and the supervisor are: real messages, no media."""

import contextlib
import itertools
import os
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

from sip_plugin.planes.link import decode, encode
from sip_plugin.planes.messages import (
    CallState,
    CloseCall,
    Hello,
    Lease,
    Message,
    ModelReady,
    OfferLeases,
    OpenCall,
    Ping,
    Pong,
    StartMedia,
)

M = TypeVar("M", bound=Message)
WAIT_SECS = 20.0
"""For what must come; far more than it takes on any machine."""


class Client:
    """Keeps every message it gets, in order."""

    role = "supervisor"

    def __init__(self, path: str, name: str) -> None:
        self.name = name
        self.received: list[Message] = []
        self._arrived = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._sending = threading.Lock()
        self.send(Hello(role=self.role, name=name, pid=os.getpid()))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        with self._sending:
            self._socket.sendall(encode(message))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(ConnectionError):  # the SIP process ended first
            self._read_all()

    def _read_all(self) -> None:
        stream = self._socket.makefile("rb")
        while head := stream.read(4):
            message = decode(stream.read(int.from_bytes(head, "big")))
            if isinstance(message, Ping):
                self.send(Pong(n=message.n))
            self.on_message(message)
            with self._arrived:
                self.received.append(message)
                self._arrived.notify_all()

    def on_message(self, message: Message) -> None:
        """Before it is kept."""

    def all(self, kind: type[M], **fields: object) -> list[M]:
        """What came of a kind, with these values."""
        with self._arrived:
            return self._found(kind, fields)

    def wait(self, kind: type[M], count: int = 1, secs: float = WAIT_SECS, **fields: object) -> M:
        """The `count`-th message of a kind with these values, once it is there."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._found(kind, fields)) >= count, secs):
                seen = [str(message) for message in self.received[-12:]]
                raise AssertionError(f"no {kind.__name__} {fields} came, but {seen}")
            return self._found(kind, fields)[count - 1]

    def wait_until(self, kind: type[M], true: Callable[[M], bool], count: int = 1) -> M:
        """The `count`-th message of a kind of which `true` holds, once it is there."""

        def found() -> list[M]:
            return [message for message in self._found(kind, {}) if true(message)]

        with self._arrived:
            if not self._arrived.wait_for(lambda: len(found()) >= count, WAIT_SECS):
                seen = [str(message) for message in self.received[-12:]]
                raise AssertionError(f"no such {kind.__name__} came, but {seen}")
            return found()[count - 1]

    def _found(self, kind: type[M], fields: dict[str, object]) -> list[M]:
        return [
            message
            for message in self.received
            if isinstance(message, kind)
            and all(getattr(message, name) == value for name, value in fields.items())
        ]


class Supervisor(Client):
    def __init__(self, path: str, name: str) -> None:
        super().__init__(path, name)
        with self._arrived:  # it is told the state of things when it has been taken in
            assert self._arrived.wait_for(lambda: self.received, WAIT_SECS), "nothing was told"

    def final(self, count: int = 1) -> CallState:
        """The `count`-th call that has ended."""
        ends = ("completed", "failed", "no_answer")
        return self.wait_until(CallState, lambda state: state.state in ends, count)


class FakeWorker(Client):
    """Leases ports that it has bound; its model is ready as soon as a call opens, if told so."""

    role = "worker"

    def __init__(
        self, path: str, name: str = "worker-0", leases: int = 4, ready: bool = True
    ) -> None:
        self.ready = ready
        self._numbers = itertools.count(1)
        self.sockets: dict[str, socket.socket] = {}
        self._calls: dict[str, str] = {}
        super().__init__(path, name)
        self.offer(leases)

    def offer(self, count: int) -> None:
        leases = []
        for _ in range(count):
            bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            bound.bind(("127.0.0.1", 0))
            lease_id = f"{self.name}.{next(self._numbers)}"
            self.sockets[lease_id] = bound
            port = bound.getsockname()[1]
            leases.append(Lease(lease_id=lease_id, address="127.0.0.1", port=port))
        self.send(OfferLeases(leases=tuple(leases)))

    def port_of(self, lease_id: str) -> int:
        return self.sockets[lease_id].getsockname()[1]

    def on_message(self, message: Message) -> None:
        match message:
            case OpenCall(sid=sid, lease_id=lease_id):
                self._calls[sid] = lease_id
                self.offer(1)
                if self.ready:
                    self.send(ModelReady(sid=sid))
            case CloseCall(sid=sid):
                self.sockets.pop(self._calls.pop(sid)).close()

    def opened(self, count: int = 1) -> OpenCall:
        return self.wait(OpenCall, count)

    def started(self, count: int = 1) -> StartMedia:
        return self.wait(StartMedia, count)

    def close(self) -> None:
        super().close()
        for bound in self.sockets.values():
            bound.close()
