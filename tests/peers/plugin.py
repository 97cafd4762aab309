"""The plugin and its model server as their users run them: subprocesses, by their commands."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.peers.ports import Ports
from tests.peers.process import PeerError, Process, wait_until
from tests.peers.waves import read_wav

COMMAND = Path(sys.executable).parent / "sip-plugin"
TOKEN = "a-token-of-the-tests"
STOP_SECS = 15.0
ENDED = ("completed", "failed", "no_answer")


class Gateway:
    """`sip-plugin gateway` on a free port; agents `parrot` and `greeter`."""

    def __init__(
        self, ports: Ports, folder: Path, *options: str, instead_of: "Gateway | None" = None
    ) -> None:
        """`options` go to the command as they are, such as `-c FILE`; `instead_of` is one that has
        ended."""
        self.port = instead_of.port if instead_of else ports.one()
        self.ca_file = instead_of.ca_file if instead_of else folder / "ca.pem"
        listen = f"127.0.0.1:{self.port}"
        self.process = Process(
            "gateway",
            [
                *(COMMAND, "gateway", "--listen", listen, "--write-ca", self.ca_file),
                # A file says by itself what a call must show.
                *([] if "-c" in options else ["--token", TOKEN]),
                *options,
            ],
            folder,
        )
        try:
            self.process.wait_for(re.escape(listen), 20)
        except BaseException:
            self.process.stop()
            raise

    @property
    def endpoint(self) -> str:
        return f"quic://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Raises PeerError when it did not end well or its log has a traceback."""
        _stop_well(self.process)


class SilentModel:
    """A model server that takes packets and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))

    @property
    def endpoint(self) -> str:
        return f"quic://127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        self._socket.close()


class Plugin:
    """`sip-plugin run` on free ports and in a run folder of its own."""

    def __init__(self, ports: Ports, folder: Path, tables: dict[str, Any]) -> None:
        """`tables` is the configuration; what it leaves out of [sip], [media] and [service] is
        filled in for a test: loopback, free ports, one worker, a recording of every call.
        """
        # Unix sockets want short paths, which a test's own folder is not.
        self._run_dir = Path(tempfile.mkdtemp(prefix="sip-plugin-"))
        self._records = folder / "records"
        self._records.mkdir(parents=True, exist_ok=True)
        rtp = ports.block()
        self.sip_port = ports.one()
        config = {
            **tables,
            "sip": {"bind": f"127.0.0.1:{self.sip_port}", **tables.get("sip", {})},
            "media": {
                "workers": 1,
                "bind_address": "127.0.0.1",
                "rtp_start_port": rtp.start,
                "rtp_end_port": rtp.stop - 1,
                "record_dir": str(self._records),
                **tables.get("media", {}),
            },
            "service": {
                "run_dir": str(self._run_dir),
                "drain_secs": 3.0,
                "log_level": "debug",
                **tables.get("service", {}),
            },
        }
        self.config_file = folder / "sip-plugin.toml"
        self.config_file.write_text(to_toml(config))
        self.process = Process("plugin", [COMMAND, "run", "-c", self.config_file], folder)
        self._stopped = False

    @property
    def address(self) -> str:
        """HOST:PORT of its SIP socket."""
        return f"127.0.0.1:{self.sip_port}"

    # --- the control API -----------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request to the control API: status and JSON document. Raises OSError."""
        connection = _UnixConnection(self._run_dir / "control.sock")
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            payload = response.read()
            kind = response.headers.get_content_subtype()
            is_json = kind in ("json", "problem+json")
            return response.status, json.loads(payload) if is_json else payload.decode()
        finally:
            connection.close()

    def is_ready(self) -> bool:
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_ready(self, timeout_secs: float = 30.0) -> None:
        self.process.wait_until(self.is_ready, "GET /readyz to say yes", timeout_secs)

    def calls(self, **fields: str) -> list[dict[str, Any]]:
        """The calls it knows, newest first, that have these values."""
        calls = self.ask("GET", "/v1/calls")[1]["calls"]
        return [call for call in calls if all(call[name] == fields[name] for name in fields)]

    def call(self, sid: str) -> dict[str, Any]:
        return self.ask("GET", f"/v1/calls/{sid}")[1]

    def wait_call(self, state: str, timeout_secs: float = 15.0) -> dict[str, Any]:
        """The newest call that is in that state, once there is one."""
        return self.process.wait_until(
            lambda: next(iter(self.calls(state=state)), None), f"a call {state}", timeout_secs
        )

    def running_calls(self) -> list[dict[str, Any]]:
        return [call for call in self.calls() if call["state"] not in ENDED]

    def wait_ended(self, sid: str, timeout_secs: float = 15.0) -> dict[str, Any]:
        """The call with its report, once it is over."""

        def ended() -> dict[str, Any] | None:
            call = self.call(sid)
            return call if call["state"] in ENDED and call["report"] else None

        return self.process.wait_until(ended, f"call {sid} to end and its report", timeout_secs)

    def events(self, sid: str) -> list[dict[str, Any]]:
        """Everything that happened on a call that has ended."""
        text = self.ask("GET", f"/v1/calls/{sid}/events")[1]
        return [json.loads(line) for line in text.splitlines()]

    def wait_event(
        self, sid: str, name: str, timeout_secs: float = 20.0, count: int = 1, **data: Any
    ) -> dict[str, Any]:
        """The `count`-th event of that name, with these data, on a call, which may be running."""
        connection = _UnixConnection(self._run_dir / "control.sock")
        deadline = time.monotonic() + timeout_secs
        seen: list[str] = []
        try:
            connection.request("GET", f"/v1/calls/{sid}/events")
            response = connection.getresponse()
            while (left := deadline - time.monotonic()) > 0:
                connection.sock.settimeout(left)
                event = json.loads(response.readline() or b'{"event": "end of the stream"}')
                seen.append(event["event"])
                if event["event"] == name and data.items() <= event["data"].items():
                    count -= 1
                    if not count:
                        return event
                if event["event"] == "end of the stream":
                    break
        except TimeoutError:
            pass
        finally:
            connection.close()
        raise PeerError(
            f"no event {name} on call {sid} within {timeout_secs:g} s, but {seen}; "
            f"the plugin's last lines:\n{self.process.tail()}"
        )

    def trunk(self, name: str) -> dict[str, Any]:
        trunks = self.ask("GET", "/v1/trunks")[1]["trunks"]
        return next(trunk for trunk in trunks if trunk["name"] == name)

    def wait_trunk(self, name: str, state: str, timeout_secs: float = 20.0) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            trunk = self.trunk(name)
            return trunk if trunk["state"] == state else None

        return self.process.wait_until(reached, f"trunk {name} {state}", timeout_secs)

    def processes(self) -> dict[str, dict[str, Any]]:
        """The SIP process and the workers, by name."""
        told = self.ask("GET", "/v1/workers")[1]
        return {child["name"]: child for child in (told["sip"], *told["workers"])}

    # --- its other ends ------------------------------------------------------------------

    def command(self, *arguments: str, timeout_secs: float = 60.0) -> subprocess.CompletedProcess:
        """Run `sip-plugin …` against this plugin."""
        return subprocess.run(
            [COMMAND, *arguments, "--run-dir", str(self._run_dir)],
            capture_output=True,
            text=True,
            timeout=timeout_secs,
            stdin=subprocess.DEVNULL,
        )

    def start_command(self, folder: Path, *arguments: str) -> Process:
        """The same, without waiting for its end."""
        command = [COMMAND, *arguments, "--run-dir", self._run_dir]
        return Process(f"sip-plugin-{arguments[0]}", command, folder)

    def record(self) -> np.ndarray:
        """Its newest recording, shape (n, 2): caller, agent."""

        def found() -> Path | None:
            paths = sorted(self._records.glob("**/*.wav"), key=lambda path: path.stat().st_mtime)
            return paths[-1] if paths else None

        return read_wav(wait_until(found, f"a recording in {self._records}"))

    # --- its end -------------------------------------------------------------------------

    def drain(self) -> None:
        self.process.signal(signal.SIGTERM)

    def stop(self, well: bool = True) -> None:
        """With `well`, raises PeerError when it or its children did not end as they should."""
        if self._stopped:
            return
        self._stopped = True
        children = _children(self._run_dir)
        try:
            if well:
                _stop_well(self.process)
                wait_until(
                    lambda: not [pid for pid in children if _is_alive(pid)],
                    "the plugin's child processes to end with it",
                    5.0,
                )
            else:
                self.process.stop()
        finally:
            shutil.rmtree(self._run_dir, ignore_errors=True)


def agent(model: Gateway | SilentModel, name: str = "parrot", **fields: Any) -> dict[str, Any]:
    """An `[agents.…]` table: agent `name` of that model server."""
    return {
        "endpoint": model.endpoint,
        "agent": name,
        "token": TOKEN,
        "tls": {"ca_file": str(model.ca_file)} if isinstance(model, Gateway) else {},
        **fields,
    }


def ip_trunk(domain: str = "127.0.0.1:9", **fields: Any) -> dict[str, Any]:
    """A `[trunks.…]` table without registration, for callers from 127.0.0.1."""
    return {
        "domain": domain,
        "require_registration": False,
        "allow_from": ["127.0.0.1/32"],
        **fields,
    }


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=15)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def to_toml(tables: dict[str, Any], prefix: str = "") -> str:
    """Nested dicts as TOML: strings, numbers, booleans, lists, and lists of tables."""
    lines = []
    for name, value in tables.items():
        if not _is_table(value):
            key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
            lines.append(f"{key} = {json.dumps(value)}")
    for name, value in tables.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            lines += [f"\n[{path}]", to_toml(value, f"{path}.")]
        elif _is_table(value):
            for item in value:
                lines += [f"\n[[{path}]]", to_toml(item, f"{path}.")]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    )


def _stop_well(process: Process) -> None:
    """SIGTERM; raises PeerError unless it ends in time, with code 0 and no traceback."""
    if process.running:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECS
    try:
        code = process.wait(deadline - time.monotonic())
    finally:
        process.stop()
    if code != 0:
        raise PeerError(f"{process.name} ended with {code}; its last lines:\n{process.tail()}")
    if "Traceback" in process.output():
        at = process.output().index("Traceback")
        raise PeerError(f"{process.name} logged:\n{process.output()[at : at + 3000]}")


def _children(run_dir: Path) -> list[int]:
    """Pids of the children, as the supervisor notes them in its folder."""
    return [int(note.read_text().split()[0]) for note in run_dir.glob("*.child")]


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
