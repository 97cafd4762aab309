"""The caller of `benchmarks.sip_load`: many calls by one SIP socket, their audio by another."""

import asyncio
import contextlib
import random
import secrets
import socket
import struct
from dataclasses import dataclass, field

import numpy as np

from bridge.audio import g711

ADDRESS = "127.0.0.1"
ANSWER_SECS = 4.0
AUDIO_SHARE = 0.9
RETRANSMIT_SECS = 0.5
_HEADER = struct.Struct("!BBHII")


@dataclass(slots=True)
class Call:
    call_id: str
    began: float
    answer: asyncio.Future[tuple[int, str]]
    ended: asyncio.Future[int]
    remote_to: str = ""
    target: str = ""
    rtp_port: int = 0
    setup_ms: float = 0.0
    code: int = 0
    heard: int = 0
    """Packets of audio that came back."""
    held_secs: float = 0.0
    failed: str = ""
    sequence: int = field(default_factory=lambda: random.getrandbits(15))


class Caller(asyncio.DatagramProtocol):
    """Every call of this process; one socket for SIP, one for all audio."""

    def __init__(self, sip_port: int) -> None:
        self._server = (ADDRESS, sip_port)
        self._calls: dict[str, Call] = {}
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._rtp.bind((ADDRESS, 0))
        self._rtp.setblocking(False)
        self._by_rtp: dict[int, Call] = {}
        tone = np.sin(np.arange(160) * 2 * np.pi * 5 / 160) * 3000
        self._payload = g711.encode("g711_ulaw", tone.astype(np.int16))

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(ADDRESS, 0)
        )
        self._port = self._transport.get_extra_info("sockname")[1]
        loop.add_reader(self._rtp, self._on_rtp)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._rtp)
        self._rtp.close()
        self._transport.close()

    # --- one call ----------------------------------------------------------------------------

    async def call(self, hold: "asyncio.Event | float") -> Call:
        """INVITE to BYE; holds until the event, or for so many seconds."""
        loop = asyncio.get_running_loop()
        call = Call(secrets.token_hex(8), loop.time(), loop.create_future(), loop.create_future())
        self._calls[call.call_id] = call
        try:
            await self._carry(call, hold)
        except TimeoutError:
            call.failed = call.failed or "no answer"
        finally:
            self._calls.pop(call.call_id, None)
            self._by_rtp.pop(call.rtp_port, None)
        return call

    async def _carry(self, call: Call, hold: "asyncio.Event | float") -> None:
        code, body = await self._ask(call, "INVITE", 1, call.answer, self._sdp())
        call.setup_ms = (asyncio.get_running_loop().time() - call.began) * 1000
        call.code = code
        if code != 200:
            call.failed = str(code)
            return
        call.rtp_port = int(body.split("m=audio ", 1)[1].split(" ", 1)[0])
        if isinstance(hold, float):
            await asyncio.sleep(hold)
        else:
            self._by_rtp[call.rtp_port] = call
            held_from = asyncio.get_running_loop().time()
            await hold.wait()
            call.held_secs = asyncio.get_running_loop().time() - held_from
            self._by_rtp.pop(call.rtp_port, None)
        code = await self._ask(call, "BYE", 2, call.ended, "")
        if code != 200:
            call.failed = f"BYE {code}"
        elif call.held_secs and call.heard < AUDIO_SHARE * call.held_secs * 50:
            call.failed = "audio"

    async def _ask(self, call: Call, method: str, cseq: int, answer, body: str):
        """Sent again like RFC 3261 says, for this is UDP. Raises TimeoutError."""
        branch = "z9hG4bK" + secrets.token_hex(8)
        text = self._request(call, method, cseq, branch, body)
        pause = RETRANSMIT_SECS
        async with asyncio.timeout(ANSWER_SECS):
            while True:
                self._send(text)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        return await asyncio.shield(answer)
                pause = min(2 * pause, 4.0)

    def _request(self, call: Call, method: str, cseq: int, branch: str, body: str) -> str:
        uri = call.target or f"sip:+15551234567@{ADDRESS}:{self._server[1]}"
        to = call.remote_to or f"<{uri}>"
        me = f"sip:load@{ADDRESS}:{self._port}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {ADDRESS}:{self._port};branch={branch}\r\n"
            f"From: <{me}>;tag={call.call_id}\r\nTo: {to}\r\nCall-ID: {call.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <{me}>\r\nMax-Forwards: 70\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _sdp(self) -> str:
        port = self._rtp.getsockname()[1]
        return (
            f"v=0\r\no=- 1 1 IN IP4 {ADDRESS}\r\ns=-\r\nc=IN IP4 {ADDRESS}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=ptime:20\r\n"
        )

    def _send(self, text: str) -> None:
        self._transport.sendto(text.encode(), self._server)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        call = self._calls.get(headers.get("call-id", ""))
        if not start.startswith("SIP/2.0"):
            self._on_request(start.split(" ")[0], headers, call)
            return
        code = int(start.split(" ")[1])
        if call is None or code < 200:
            return
        if headers["cseq"].endswith("INVITE"):
            call.remote_to = headers["to"]
            if code == 200:
                call.target = headers["contact"].strip("<>").split(">")[0]
            # An answer that is repeated wants its ACK again.
            self._send(self._request(call, "ACK", 1, "z9hG4bK" + secrets.token_hex(8), ""))
            if not call.answer.done():
                call.answer.set_result((code, body))
        elif not call.ended.done():
            call.ended.set_result(code)

    def _on_request(self, method: str, headers: dict[str, str], call: Call | None) -> None:
        if method == "ACK":
            return
        if method == "BYE" and call is not None and not call.failed:
            call.failed = f"hung up: {headers.get('reason', '')}"
        names = ("via", "from", "to", "call-id", "cseq")
        lines = [f"{name}: {headers.get(name, '')}\r\n" for name in names]
        self._send("SIP/2.0 200 OK\r\n" + "".join(lines) + "Content-Length: 0\r\n\r\n")

    # --- audio -------------------------------------------------------------------------------

    async def speak(self, until: asyncio.Event) -> int:
        """Send every held call its packets on an absolute clock; how many rounds came late."""
        loop = asyncio.get_running_loop()
        late, due, rounds = 0, loop.time(), 0
        while not until.is_set():
            calls = list(self._by_rtp.items())
            # In four parts, as phones are not all on one clock.
            for part in range(4):
                for port, call in calls[part::4]:
                    call.sequence += 1
                    header = _HEADER.pack(
                        *(0x80, 0, call.sequence & 0xFFFF, call.sequence * 160, port)
                    )
                    with contextlib.suppress(OSError):
                        self._rtp.sendto(header + self._payload, (ADDRESS, port))
                due += 0.005
                late += loop.time() > due + 0.02
                await asyncio.sleep(max(0.0, due - loop.time()))
            rounds += 1
        return late

    def _on_rtp(self) -> None:
        for _ in range(2000):
            try:
                packet, source = self._rtp.recvfrom(2048)
            except BlockingIOError:
                return
            if len(packet) >= 12 and (call := self._by_rtp.get(source[1])) is not None:
                call.heard += 1
