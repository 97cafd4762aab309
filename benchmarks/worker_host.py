"""One real worker process, driven over its plane socket as the SIP process would drive it.

SIP is bypassed: the stock pjsua2 wheel ends at 4 calls, and these benchmarks are of the data plane.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from bridge.agent import AgentSpec
from bridge.profile import PROFILES, LegProfile
from bridge.secret import REVEAL
from sip_plugin.config import Config
from sip_plugin.media.description import MediaDescription, PhoneCodec
from sip_plugin.planes.link import Link
from sip_plugin.planes.messages import (
    CallReport,
    CloseCall,
    Lease,
    Message,
    ModelFailed,
    ModelReady,
    OfferLeases,
    OpenCall,
    StartMedia,
)

START_SECS = 20.0


class WorkerHost:
    """`async with WorkerHost(agent) as host:` then `port = await host.open("sid", phone_port)`."""

    def __init__(
        self,
        agent: AgentSpec,
        module: str = "sip_plugin.media",
        leg: LegProfile = PROFILES["raw"],
    ) -> None:
        self._agent = agent
        self._leg = leg
        self._module = module
        self._folder = tempfile.TemporaryDirectory(prefix="sip-plugin-bench-")
        self._leases: asyncio.Queue[Lease] = asyncio.Queue()
        self._ready: dict[str, asyncio.Future[None]] = {}
        self._reports: dict[str, asyncio.Future[dict]] = {}
        self._link: Link | None = None
        self.told: list[Message] = []
        """Everything else that the worker said: events, and asks to end a call."""
        self.links = 0
        """How often the worker has connected."""

    async def __aenter__(self) -> Self:
        path = Path(self._folder.name, "plane.sock")
        self._server = await asyncio.start_unix_server(self._on_worker, str(path))
        config = Config.model_validate(
            {
                "media": {
                    "bind_address": "127.0.0.1",
                    "rtp_start_port": 20000,
                    "rtp_end_port": 29999,
                    "leases_per_worker": 16,
                },
                "service": {"log_level": "warning"},
            }
        )
        command = [sys.executable, "-m", self._module]
        command += ["--run-dir", self._folder.name, "--name", "worker-0"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert self._process.stdin is not None
        with self._process.stdin as document:
            document.write(config.model_dump_json(context=REVEAL).encode())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await asyncio.to_thread(self._process.wait)
        self._server.close()
        self._folder.cleanup()

    async def _on_worker(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._link = Link(reader, writer)
        while not self._leases.empty():
            self._leases.get_nowait()  # of the link before
        self.links += 1
        async for message in self._link:
            self._on_message(message)

    def _on_message(self, message: Message) -> None:
        match message:
            case OfferLeases(leases=leases):
                for lease in leases:
                    self._leases.put_nowait(lease)
            case ModelReady(sid=sid):
                self._ready[sid].set_result(None)
            case ModelFailed(sid=sid, code=code, reason=reason):
                if self._ready[sid].done():
                    self.told.append(message)
                else:
                    self._ready[sid].set_exception(RuntimeError(f"{sid}: {code}: {reason}"))
            case CallReport(sid=sid, report=report):
                self._reports[sid].set_result(report)
            case _:
                self.told.append(message)

    async def open(self, sid: str, phone_port: int) -> int:
        """Open, answer and start a call with a phone on `phone_port`; the worker's RTP port."""
        loop = asyncio.get_running_loop()
        self._ready[sid] = loop.create_future()
        self._reports[sid] = loop.create_future()
        lease = await asyncio.wait_for(self._leases.get(), START_SECS)
        assert self._link is not None
        self._link.send(
            OpenCall(
                sid=sid,
                lease_id=lease.lease_id,
                agent_name="bench",
                agent=self._agent,
                direction="inbound",
                caller="+15550001",
                called="+15550002",
                leg=self._leg,
            )
        )
        await asyncio.wait_for(self._ready[sid], START_SECS)
        media = MediaDescription(
            codec=PhoneCodec.ULAW,
            remote_address="127.0.0.1",
            remote_rtp_port=phone_port,
            remote_rtcp_port=phone_port + 1,
            tx_payload_type=0,
            rx_payload_type=0,
        )
        self.start(sid, media)
        return lease.port

    def start(self, sid: str, media: MediaDescription) -> None:
        """What was negotiated for an answered call, for the first time or anew."""
        assert self._link is not None
        self._link.send(StartMedia(sid=sid, media=media, answered=True))

    async def close(self, sid: str) -> dict:
        """End a call; what its worker reports of it."""
        assert self._link is not None
        self._link.send(CloseCall(sid=sid, reason="normal"))
        return await asyncio.wait_for(self._reports[sid], START_SECS)

    def cut(self) -> None:
        """End the link, as a SIP process that dies does."""
        assert self._link is not None
        self._link.close()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def cpu_secs(self) -> float:
        """User and system time that the worker has used so far."""
        with open(f"/proc/{self._process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
