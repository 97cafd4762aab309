"""A SIP phone as bytes on a UDP socket: it says exactly what a test tells it to, right or wrong."""

import itertools
import re
import secrets
import socket
import time
from dataclasses import dataclass

WAIT_SECS = 20.0
"""For what must come; far more than it takes on any machine."""
_numbers = itertools.count(1)


def offer(
    port: int = 40000, codecs: str = "0 8 101", address: str = "127.0.0.1", extra: str = ""
) -> str:
    """An audio offer with the usual names; `extra` goes to its end."""
    return (
        f"v=0\r\no=- 1 {next(_numbers)} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {codecs}\r\na=rtpmap:101 telephone-event/8000\r\n"
        f"a=fmtp:101 0-16\r\n{extra}"
    )


@dataclass
class Received:
    start: str
    headers: dict[str, str]
    body: str
    source: tuple[str, int]
    head: str = ""
    """Start line and headers as they came."""

    @property
    def code(self) -> int:
        """0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/") else 0

    @property
    def contacts(self) -> list[str]:
        """Every Contact header."""
        return re.findall(r"(?im)^contact: *(.*)$", self.head)

    @property
    def method(self) -> str:
        """Of the transaction, for requests and responses alike."""
        return self.headers["cseq"].split()[1]

    @property
    def transaction(self) -> tuple[str, str]:
        """What all copies of a request have in common."""
        return self.headers["via"], self.headers["cseq"]

    @property
    def port(self) -> int:
        """Audio port of its SDP."""
        match = re.search(r"^m=audio (\d+)", self.body, re.MULTILINE)
        assert match, f"no audio in {self.body!r}"
        return int(match[1])

    @property
    def formats(self) -> list[str]:
        match = re.search(r"^m=audio \d+ \S+ (.*)$", self.body, re.MULTILINE)
        assert match, f"no audio in {self.body!r}"
        return match[1].split()


def read(packet: bytes, source: tuple[str, int]) -> Received:
    head, _, body = packet.decode(errors="replace").replace("\r\n", "\n").partition("\n\n")
    start, *lines = head.split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return Received(start, headers, body, source, head)


class Phone:
    """One UDP socket and at most one call on it."""

    def __init__(
        self,
        target: tuple[str, int] = ("127.0.0.1", 9),
        user: str = "+15550001111",
        address: str = "127.0.0.1",
    ) -> None:
        self.target = target
        self.user = user
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self.address = address
        self.port = self._socket.getsockname()[1]
        self.call_id = ""
        self.tag = ""
        self.remote_to = ""
        self.remote_target = ""
        self.cseq = 0
        self.branch = ""
        self._answered: dict[tuple[str, str], str] = {}

    @property
    def trunk(self) -> dict[str, object]:
        """A trunk of the configuration that leads here."""
        return {
            "domain": f"{self.address}:{self.port}",
            "require_registration": False,
            "allow_from": [self.address],
        }

    def close(self) -> None:
        self._socket.close()

    # --- sending -------------------------------------------------------------------------

    def send(self, text: str) -> None:
        self._socket.sendto(text.encode(), self.target)

    def request(
        self,
        method: str,
        uri: str,
        body: str = "",
        *,
        to: str = "",
        headers: str = "",
        cseq: int = 0,
        branch: str = "",
        kind: str = "application/sdp",
    ) -> str:
        """The text of a request of the current call."""
        branch = branch or "z9hG4bK" + secrets.token_hex(6)
        self.branch = branch
        content = f"Content-Type: {kind}\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.address}:{self.port};rport;branch={branch}\r\n"
            f"From: <sip:{self.user}@127.0.0.1:{self.port}>;tag={self.tag}\r\n"
            f"To: {to}\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {cseq or self.cseq} {method}\r\n"
            f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>\r\n"
            f"Max-Forwards: 70\r\n{headers}{content}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    def invite(self, number: str = "2000", body: str | None = None, headers: str = "") -> str:
        """Start a call; returns the text sent, so that it can be sent again."""
        self.call_id = secrets.token_hex(8)
        self.tag = secrets.token_hex(4)
        self.cseq += 1
        uri = f"sip:{number}@{self.target[0]}:{self.target[1]}"
        text = self.request(
            "INVITE", uri, offer() if body is None else body, to=f"<{uri}>", headers=headers
        )
        self.remote_to, self.remote_target = f"<{uri}>", uri
        self._invite_uri, self._invite_branch = uri, self.branch
        self.send(text)
        return text

    def again(self, method: str, body: str = "", headers: str = "", **more) -> None:
        """A further request in the call."""
        self.cseq += 1
        text = self.request(
            method, self.remote_target, body, to=self.remote_to, headers=headers, **more
        )
        if method == "INVITE":
            self._invite_uri, self._invite_branch = self.remote_target, self.branch
        self.send(text)

    def cancel(self, headers: str = "") -> None:
        self.send(
            self.request(
                "CANCEL",
                self._invite_uri,
                to=f"<{self._invite_uri}>",
                branch=self._invite_branch,
                headers=headers,
            )
        )

    def ack(self, answer: Received, body: str = "") -> None:
        """Acknowledge a final answer to the last INVITE."""
        self.remote_to = answer.headers["to"]
        cseq = int(answer.headers["cseq"].split()[0])
        if answer.code < 300:
            match = re.search(r"<([^>]+)>", answer.headers.get("contact", ""))
            self.remote_target = match[1] if match else self.remote_target
            text = self.request("ACK", self.remote_target, body, to=self.remote_to, cseq=cseq)
        else:
            text = self.request(
                "ACK",
                self._invite_uri,
                to=self.remote_to,
                cseq=cseq,
                branch=self._invite_branch,
            )
        self.send(text)

    def answer_call(self, asked: Received, body: str) -> None:
        """200 to an INVITE of the other side, so that requests of ours can follow."""
        self.call_id = asked.headers["call-id"]
        self.remote_to = asked.headers["from"]
        match = re.search(r"<([^>]+)>", asked.headers["contact"])
        assert match
        self.remote_target = match[1]
        self.reply(asked, 200, "OK", body)

    def reply(
        self, asked: Received, code: int, reason: str = "OK", body: str = "", headers: str = ""
    ) -> None:
        """Answer a request of the other side."""
        to = asked.headers["to"]
        if "tag=" not in to:
            self.tag = self.tag or secrets.token_hex(4)
            to += f";tag={self.tag}"
        content = "Content-Type: application/sdp\r\n" if body else ""
        self.target = asked.source
        text = (
            f"SIP/2.0 {code} {reason}\r\nVia: {asked.headers['via']}\r\n"
            f"From: {asked.headers['from']}\r\nTo: {to}\r\n"
            f"Call-ID: {asked.headers['call-id']}\r\nCSeq: {asked.headers['cseq']}\r\n"
            f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>\r\n"
            f"{headers}{content}Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )
        if code >= 200:
            self._answered[asked.transaction] = text
        self.send(text)

    # --- receiving -----------------------------------------------------------------------

    def receive(self, secs: float = WAIT_SECS) -> Received | None:
        """The next message, None when none comes in time."""
        self._socket.settimeout(max(secs, 0.001))
        try:
            packet, source = self._socket.recvfrom(65536)
            return read(packet, source)
        except TimeoutError:
            return None

    def expect(self, *wanted: int | str, secs: float = WAIT_SECS) -> Received:
        """The next message that is one of these codes or methods; others are passed over.

        A request that was answered already, and sent again before that was known, as a busy
        machine's are, is answered as before and passed over (RFC 3261, section 17.2.2).
        """
        seen = []
        deadline = time.monotonic() + secs
        while (left := deadline - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None:
                break
            if not message.start.strip():
                continue  # a keep-alive
            if not message.code and message.transaction in self._answered:
                self.send(self._answered[message.transaction])
                continue
            if (message.code or message.method) in wanted:
                return message
            seen.append(message.start)
        raise AssertionError(f"waited for {wanted}, saw {seen}")

    def final(self, secs: float = WAIT_SECS) -> Received:
        """The next final answer."""
        return self.expect(*range(200, 700), secs=secs)

    # --- habits --------------------------------------------------------------------------

    def call(self, number: str = "2000", body: str | None = None, headers: str = "") -> Received:
        """A call up to its acknowledged 200, which is returned."""
        self.invite(number, body, headers)
        answer = self.final()
        assert answer.code == 200, answer.start
        self.ack(answer)
        return answer

    def hang_up(self) -> None:
        self.again("BYE")
        self.expect(200)

    def options(self) -> int:
        """The code of the answer to an OPTIONS outside any call, 0 when there is none."""
        other = Phone(self.target)
        other.call_id, other.tag, other.cseq = secrets.token_hex(8), "o1", 1
        uri = f"sip:ping@{self.target[0]}:{self.target[1]}"
        other.send(other.request("OPTIONS", uri, to=f"<{uri}>"))
        answer = other.receive(3.0)
        other.close()
        return answer.code if answer else 0
