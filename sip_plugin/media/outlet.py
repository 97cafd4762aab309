"""What a phone is sent: frames of 20 ms in its codec, in packets of the length that it asked for,
each in its slot. Core without I/O: time is the worker's phase number."""

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES
from sip_plugin.media.clock import PHASES_PER_FRAME
from sip_plugin.media.codecs import Encoded, encoder_of
from sip_plugin.media.description import MediaDescription, PhoneCodec
from sip_plugin.media.pacing import SendSchedule
from sip_plugin.media.packetizing import Packetizer
from sip_plugin.media.session import RtpSession
from sip_plugin.media.source import Address

Pcm = NDArray[np.int16]


class Outlet:
    """One call's way out, from the first negotiation on: give it each to `use`."""

    def __init__(self, phase: int, send: Callable[[tuple[bytes, Address]], None]) -> None:
        """`phase`: of those of a frame, in which its packets leave; `send` takes a datagram
        and where to."""
        self._send = send
        self._schedule = SendSchedule(phase)
        self._packets = Packetizer(FRAME_MS)
        self._codec: PhoneCodec | None = None
        self._later: deque[tuple[int, bytes, bool]] = deque()
        """Packets that are whole, by the phase in which they leave."""

    def use(self, session: RtpSession, media: MediaDescription) -> None:
        """The SDP was negotiated, for the first time or anew."""
        self._session = session
        if media.codec is not self._codec:
            self._codec = media.codec
            self._encoder = encoder_of(media.codec)
        if media.ptime_ms != self._packets.ptime_ms:
            self._forget_unsent()
            self._packets = Packetizer(media.ptime_ms)

    @property
    def codec(self) -> PhoneCodec | None:
        return self._codec

    @property
    def ptime_ms(self) -> int:
        return self._packets.ptime_ms

    @property
    def next_phase(self) -> int:
        """When something leaves, with the agent's voice or without, if that does not begin."""
        due = self._schedule.next
        return min(due, self._later[0][0]) if self._later else due

    @property
    def talking(self) -> bool:
        """In the middle of what the agent says: each packet has its slot."""
        return self._schedule.talking

    def may_begin(self, n: int, early_start: bool) -> bool:
        """Whether a frame of the agent that is ready is to leave in phase `n`."""
        return self._schedule.due(n, early_start)

    def catch_up(self, n: int) -> int:
        """Let the slots pass that a stall swallowed; returns how many."""
        if missed := self._schedule.missed(n):
            self._forget_unsent()
            self._session.skip(missed * FRAME_SAMPLES)
        return missed

    def wants_frame(self, n: int, speech_waits: bool, now: float) -> bool:
        """Send what was whole before; whether phase `n` is a slot, for which `put` is due."""
        if self._later:
            self._send_later(n, now)
        if not self._schedule.due(n, speech_waits):
            return False
        if self._later:
            self._send_later(None, now)
        return True

    @property
    def rate_hz(self) -> int:
        """At which frames may come: 16000 for a wideband codec, which takes 8000 too."""
        return self._encoder.rate_hz

    def encode(self, pcm: Pcm) -> Encoded:
        """The slot's frame, int16 `[160]` at 8 kHz or `[320]` at 16, each once and in order."""
        return self._encoder.encode(pcm)

    def silence(self) -> Encoded:
        """The slot's frame, when there is nothing to say."""
        return self._encoder.silence()

    def as_decoded(self, coded: Encoded) -> Pcm:
        """int16 `[160]`: what the phone makes of a frame, the canceller's reference."""
        return self._encoder.as_decoded(coded)

    def put(self, n: int, coded: Encoded, now: float, *, starts: bool, talking: bool) -> None:
        """The coded frame of slot `n`. `starts`: it begins a talk spurt; `talking`: it is the
        agent's voice."""
        if self._packets.ptime_ms == FRAME_MS:
            self._send_now(coded.payload, starts, now)
        else:
            for payload, marker, wait_ms in self._packets.push(coded.payload, starts):
                self._later.append((n + wait_ms * PHASES_PER_FRAME // FRAME_MS, payload, marker))
            self._send_later(n, now)
        self._schedule.sent(n, talking=talking)

    def _send_later(self, n: int | None, now: float) -> None:
        """Send the packets whose phase has come; all that wait with None."""
        while self._later and (n is None or self._later[0][0] <= n):
            _, payload, marker = self._later.popleft()
            self._send_now(payload, marker, now)

    def _send_now(self, payload: bytes, marker: bool, now: float) -> None:
        packet = self._session.send(payload, now, marker)
        if packet is not None:
            self._send(packet)

    def _forget_unsent(self) -> None:
        """Let the time of audio pass that never became a packet."""
        unsent = self._packets.clear() + sum(len(payload) for _, payload, _ in self._later)
        self._later.clear()
        if unsent:
            self._session.skip(unsent)
