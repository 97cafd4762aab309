"""A hostile caller: mutated requests of strangers, within calls, and answers that nobody asked for.

Every answered call is acknowledged and hung up, so that the next one finds room; some are not.
"""

import contextlib
import re
import socket
import time

from tests.fuzz.mutations import METHODS, Mutator
from tests.sip.phone import Phone

SOURCES = 40
"""Addresses that it comes from, 127.0.1.1 and so on: one would soon be refused by its rate."""
CALLS_PER_ROUND = 6


class HostileCaller:
    def __init__(self, port: int, seed: int) -> None:
        self.target = ("127.0.0.1", port)
        self.mutator = Mutator(seed)
        self.sent = 0
        self.answered = 0
        """INVITEs that became calls."""
        self._sockets = []
        for number in range(1, SOURCES + 1):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((f"127.0.1.{number}", 0))
            sock.setblocking(False)
            self._sockets.append(sock)

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def send(self, messages: int) -> None:
        """About so many, of every kind."""
        until = self.sent + messages
        while self.sent < until:
            kind = self.mutator.rng.random()
            if kind < 0.75:
                for _ in range(20):
                    self._stranger()
            elif kind < 0.9:
                self._within_a_call()
            else:
                for _ in range(10):
                    self._answer_to_nothing()
            self._hear()
            time.sleep(0.002)

    # --- strangers ---------------------------------------------------------------------------

    def _stranger(self) -> None:
        rng = self.mutator.rng
        sock = rng.choice(self._sockets)
        method = rng.choice(("INVITE", "INVITE", "INVITE", *METHODS))
        text = self._request(sock, method, self.mutator.unique())
        if rng.random() < 0.6:
            text = self.mutator.damaged(text, rng.choice((1, 1, 1, 3, 8)))
        self._put(sock, text)

    def _request(self, sock: socket.socket, method: str, call_id: str, to_tag: str = "") -> str:
        rng = self.mutator.rng
        host, port = sock.getsockname()
        body = self.mutator.description() if rng.random() < 0.6 else ""
        if method == "INFO":
            body = rng.choice(
                ("Signal=5\r\nDuration=160\r\n", "Signal=\r\nDuration=-9\r\n", "5", body)
            )
        kind = rng.choice(("application/sdp", "application/sdp", "application/dtmf-relay", "x/y"))
        length = len(body.encode()) if rng.random() < 0.95 else rng.choice((0, 1, 99999, -1))
        uri = f"sip:2000@{self.target[0]}:{self.target[1]}"
        tag = f";tag={to_tag}" if to_tag else ""
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{self.mutator.unique()}\r\n"
            f"From: <sip:+15550001111@{host}:{port}>;tag={self.mutator.unique()}\r\n"
            f"To: <{uri}>{tag}\r\nCall-ID: {call_id}\r\nCSeq: {rng.randrange(1, 9)} {method}\r\n"
            f"Contact: <sip:x@{host}:{port}>\r\nMax-Forwards: 70\r\n{self.mutator.headers()}"
            f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        )

    def _answer_to_nothing(self) -> None:
        rng = self.mutator.rng
        sock = rng.choice(self._sockets)
        lines = self._request(sock, rng.choice(METHODS), self.mutator.unique()).split("\r\n")
        code = rng.choice((100, 180, 183, 200, 202, 302, 401, 407, 481, 503, 699, 0, 99999))
        lines[0] = f"SIP/2.0 {code} x"
        lines[1] = lines[1].replace(":" + str(sock.getsockname()[1]), f":{self.target[1]}")
        self._put(sock, self.mutator.damaged("\r\n".join(lines), rng.choice((0, 1, 3))))

    def _put(self, sock: socket.socket, text: str) -> None:
        packet = text.encode("utf-8", "surrogatepass")[:60_000]
        with contextlib.suppress(OSError):
            sock.sendto(packet, self.target)
            self.sent += 1

    def _hear(self) -> None:
        """ACK and BYE for what was answered; one in ten is left hanging."""
        for sock in self._sockets:
            for _ in range(200):
                try:
                    text = sock.recv(65536).decode(errors="replace")
                except OSError:
                    break
                if not re.match(r"SIP/2\.0 200 ", text) or not re.search(
                    r"CSeq: *\d+ INVITE", text
                ):
                    continue
                self.answered += 1
                if self.mutator.rng.random() < 0.9:
                    self._finish(sock, text)

    def _finish(self, sock: socket.socket, answer: str) -> None:
        kept = re.findall(r"(?im)^(?:from|to|call-id): .*$", answer)
        (cseq,) = re.findall(r"(?im)^cseq: *(\d+)", answer)[:1] or ["1"]
        host, port = sock.getsockname()
        for method, number in (("ACK", int(cseq)), ("BYE", int(cseq) + 1)):
            head = (
                f"{method} sip:{self.target[0]}:{self.target[1]} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{self.mutator.unique()}\r\n"
            )
            lines = "\r\n".join(line.strip() for line in kept)
            self._put(
                sock,
                f"{head}{lines}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
                "Content-Length: 0\r\n\r\n",
            )

    # --- within a call -----------------------------------------------------------------------

    def _within_a_call(self) -> None:
        """A sound call, then unsound requests in it, REFER and Replaces among them, then BYE."""
        rng = self.mutator.rng
        phone = Phone(self.target)
        try:
            phone.invite()
            answer = phone.receive(1.0)
            while answer is not None and answer.code < 200:
                answer = phone.receive(1.0)
            if answer is None or answer.code != 200:
                if answer is not None:
                    phone.ack(answer)
                return
            self.answered += 1
            if rng.random() < 0.9:
                phone.ack(answer, self.mutator.description() if rng.random() < 0.2 else "")
            tag = re.search(r"tag=([^;>\s]+)", answer.headers["to"])
            for _ in range(CALLS_PER_ROUND):
                method = rng.choice((*METHODS, "REFER", "REFER", "INVITE", "UPDATE"))
                headers = self.mutator.headers()
                if method == "REFER":
                    to = "sip:9@127.0.0.1:9?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc"
                    to = to if rng.random() < 0.3 else self.mutator.damaged(to)
                    headers += f"Refer-To: <{to}>\r\n"
                body = self.mutator.description() if rng.random() < 0.7 else ""
                phone.cseq += 1
                text = phone.request(
                    method, phone.remote_target, body, to=phone.remote_to, headers=headers
                )
                if rng.random() < 0.3:
                    text = self.mutator.damaged(text)
                with contextlib.suppress(OSError, UnicodeError):
                    phone.send(text)
                    self.sent += 1
                if method == "INVITE" and (reply := phone.receive(0.02)) and reply.code >= 200:
                    phone.ack(reply)
            if tag and rng.random() < 0.5:
                self._replace(phone, tag[1])
            if rng.random() < 0.9:
                phone.cseq += 50
                phone.again("BYE")
        finally:
            phone.close()

    def _replace(self, phone: Phone, tag: str) -> None:
        sock = self.mutator.rng.choice(self._sockets)
        text = self._request(sock, "INVITE", self.mutator.unique())
        replaces = f"Replaces: {phone.call_id};to-tag={tag};from-tag={phone.tag}"
        if self.mutator.rng.random() < 0.3:
            replaces = self.mutator.damaged(replaces)
        replaces += "\r\n"
        self._put(sock, text.replace("Max-Forwards", f"{replaces}Max-Forwards", 1))
