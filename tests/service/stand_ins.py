"""Small programs in the place of the SIP process and of a worker; they speak the real protocol.

Run as a script with the arguments and the stdin that the supervisor gives its children.
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from sip_plugin.config import Config
from sip_plugin.planes.link import Link, connect
from sip_plugin.planes.messages import (
    CallReport,
    CallState,
    Drain,
    Hangup,
    Hello,
    Originate,
    OriginateAnswer,
    Ping,
    Pong,
    Reconfigure,
    ReconfigureAnswer,
    WorkerState,
)
from sip_plugin.service.calls import FINAL_STATES


class SipStandIn:
    """Answers calls at once; a number that begins with 9 never hangs up when asked to."""

    def __init__(self) -> None:
        self._supervisor: Link | None = None
        self._workers: dict[str, Link] = {}
        self._draining = False
        self._calls: dict[str, Originate] = {}

    async def serve(self, path: Path) -> None:
        server = await asyncio.start_unix_server(self._client, str(path))
        async with server:
            await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link, name = Link(reader, writer), ""
        async for message in link:
            match message:
                case Hello(role="supervisor"):
                    self._supervisor = link
                    for worker in self._workers:
                        self._tell_worker(worker, True)
                case Hello(role="worker", name=name):
                    self._workers[name] = link
                    self._tell_worker(name, True)
                case Ping(n=n):
                    link.send(Pong(n=n))
                case Drain():
                    self._draining = True
                    print("drain asked for", flush=True)
                case Originate():
                    self._originate(message)
                case Reconfigure(request_id=request_id, last=True):
                    link.send(ReconfigureAnswer(request_id=request_id))
                case Hangup(sid=sid, reason=reason):
                    print(f"hangup {sid} {reason}", flush=True)
                    if not self._calls[sid].number.startswith("9"):
                        self._tell_call(sid, "completed", code=200, cause="plugin_hangup")
        if name:
            del self._workers[name]
            self._tell_worker(name, False)

    def _originate(self, asked: Originate) -> None:
        if self._draining:
            self._supervisor.send(
                OriginateAnswer(request_id=asked.request_id, code=503, reason="draining")
            )
            return
        sid = f"s{len(self._calls)}"
        self._calls[sid] = asked
        self._supervisor.send(OriginateAnswer(request_id=asked.request_id, sid=sid))
        self._tell_call(sid, "dialing")
        if asked.number == "486":
            self._tell_call(sid, "failed", code=486, reason="Busy Here", cause="rejected")
        elif asked.number == "480":
            self._tell_call(sid, "ringing", code=180)
            self._tell_call(sid, "no_answer", code=480, cause="ring_timeout")
        else:
            self._tell_call(sid, "in_progress")
        if asked.number == "200":
            self._tell_call(sid, "completed", code=200, cause="callee_hangup")

    def _tell_call(self, sid: str, state: str, **more: object) -> None:
        asked = self._calls[sid]
        self._supervisor.send(
            CallState(
                sid=sid,
                state=state,
                direction="outbound",
                caller=asked.caller_id,
                called=asked.number,
                trunk="lab",
                agent_name=asked.agent_name,
                **more,
            )
        )
        if state in FINAL_STATES:
            self._supervisor.send(CallReport(sid=sid, report={"duration_ms": 1}))

    def _tell_worker(self, name: str, connected: bool) -> None:
        if self._supervisor is not None:
            leases = 4 if connected else 0
            self._supervisor.send(
                WorkerState(name=name, connected=connected, calls=0, leases=leases)
            )


async def work(path: Path, name: str) -> None:
    while True:
        try:
            link = await connect(str(path))
        except OSError:
            await asyncio.sleep(0.05)
            continue
        link.send(Hello(role="worker", name=name, pid=os.getpid()))
        async for _ in link:
            pass


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--deaf", action="store_true", help="SIGTERM does not end it")
    arguments = parser.parse_args()
    config = Config.model_validate_json(sys.stdin.buffer.read())
    for name, agent in config.agents.items():
        print(f"agent {name}, token of {len(agent.token.get_secret_value())} letters", flush=True)
    if arguments.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    path = arguments.run_dir / "plane.sock"
    if arguments.name == "sip":
        path.unlink(missing_ok=True)
        asyncio.run(SipStandIn().serve(path))
    else:
        asyncio.run(work(path, arguments.name))


if __name__ == "__main__":
    main()
