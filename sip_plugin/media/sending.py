"""The RTP stream that we send: sequence, timestamps, talk spurts, digits. Core without I/O."""

import random

from sip_plugin.media import rtp
from sip_plugin.media.description import MediaDescription
from sip_plugin.media.dtmf import DtmfSender
from sip_plugin.media.source import Address
from sip_plugin.media.stats import RtpStats

DIGIT_MS = 100
"""Length of the digits that we send."""


class RtpSender:
    """One stream, whatever is negotiated in the course of a call."""

    def __init__(self, stats: RtpStats, rng: random.Random) -> None:
        self._stats = stats
        self.ssrc = rng.getrandbits(32)
        self._sequence = rng.getrandbits(16)
        self.timestamp = rng.getrandbits(32)
        """Of what is sent next."""
        self._spurt_starts = True
        self._digits = DtmfSender()

    def use(self, media: MediaDescription, may_send: bool) -> None:
        """`may_send`: the peer listens, and there is somewhere to send to."""
        self._media = media
        self._may_send = may_send

    def send(
        self, payload: bytes, destination: Address | None, marker: bool
    ) -> tuple[bytes, Address] | None:
        """As `RtpSession.send`."""
        timestamp = self.timestamp
        self.timestamp = (timestamp + len(payload)) & 0xFFFFFFFF
        if not self._may_send or destination is None:
            self._spurt_starts = True
            self._digits.interrupt()
            return None
        payload_type = self._media.tx_payload_type
        if self._digits:
            event = self._digits.slot(timestamp, len(payload))
            if event is not None:
                payload, timestamp, marker = event
                payload_type = self._media.tx_event_payload_type
                self._spurt_starts = True
                return self._packet(payload_type, timestamp, payload, marker), destination
        marker = marker or self._spurt_starts
        self._spurt_starts = False
        return self._packet(payload_type, timestamp, payload, marker), destination

    def _packet(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> bytes:
        sequence = self._sequence
        self._sequence = (sequence + 1) & 0xFFFF
        stats = self._stats
        stats.sent += 1
        stats.sent_octets += len(payload)
        return rtp.build((payload_type, sequence, timestamp, self.ssrc, payload, marker))

    def skip(self, samples: int) -> None:
        """Let time pass without a packet; the next one begins a talk spurt."""
        self.timestamp = (self.timestamp + samples) & 0xFFFFFFFF
        self._spurt_starts = True

    def send_digit(self, digit: str, duration_ms: int) -> bool:
        """As `RtpSession.send_digit`."""
        return self.takes_digits and self._digits.queue(digit, duration_ms)

    @property
    def plays_audio(self) -> bool:
        """What is sent now is heard, if there is somewhere to send to: no digit in its place."""
        return self._may_send and not self._digits

    @property
    def takes_digits(self) -> bool:
        return self._media.tx_event_payload_type >= 0

    @property
    def digits_waiting(self) -> bool:
        return bool(self._digits)
