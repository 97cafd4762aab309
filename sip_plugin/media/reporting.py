"""RTCP of one call: when reports are due, what they say, what the peer's say to us."""

import random
from base64 import b64encode

from bridge.audio.frames import PHONE_RATE_HZ
from sip_plugin.media import rtcp
from sip_plugin.media.sequence import SequenceTracker
from sip_plugin.media.stats import RtpStats

INTERVAL_SECS = 5.0
"""On average (RFC 3550 section 6.2); each is 0.5 to 1.5 times as long (section 6.3.1)."""


class Reporter:
    """Keeps what lies between two reports. Time is monotonic; its NTP form needs no wall clock,
    since the peer only sends it back to us (section 6.4.1)."""

    def __init__(self, ssrc: int, stats: RtpStats, now: float, rng: random.Random):
        self._ssrc = ssrc
        self._stats = stats
        self._rng = rng
        self._cname = b64encode(rng.randbytes(12)).decode()  # RFC 7022: tells nothing
        self._next = now + INTERVAL_SECS * rng.uniform(0.5, 1.5) / 2
        self._sent_at_last = 0
        self._expected_at_last = 0
        self._received_at_last = 0
        self._peer_report = 0
        self._peer_report_at = 0.0

    def restart(self) -> None:
        """The peer's stream changed: what was told about the old one counts no more."""
        self._expected_at_last = self._received_at_last = 0
        self._peer_report = 0

    def due(self, now: float) -> bool:
        return now >= self._next

    def build(
        self,
        now: float,
        timestamp: int,
        peer: tuple[int, SequenceTracker] | None,
        jitter: float,
        goodbye: str | None = None,
    ) -> bytes:
        """The compound packet of now.

        timestamp: ours, of this moment. peer: SSRC and sequence of whom we hear, if anybody.
        jitter: in samples.
        """
        self._next = now + INTERVAL_SECS * self._rng.uniform(0.5, 1.5)
        blocks = (self._block(now, *peer, jitter),) if peer is not None else ()
        stats = self._stats
        sent = stats.sent
        if sent > self._sent_at_last:
            report: rtcp.SenderReport | rtcp.ReceiverReport = rtcp.SenderReport(
                self._ssrc,
                int(now * 2**32) & 0xFFFFFFFFFFFFFFFF,
                timestamp & 0xFFFFFFFF,
                sent & 0xFFFFFFFF,
                stats.sent_octets & 0xFFFFFFFF,
                blocks,
            )
        else:
            report = rtcp.ReceiverReport(self._ssrc, blocks)
        self._sent_at_last = sent
        stats.rtcp_sent += 1
        return rtcp.build(report, self._cname, goodbye)

    def _block(
        self, now: float, ssrc: int, sequence: SequenceTracker, jitter: float
    ) -> rtcp.ReportBlock:
        expected = sequence.expected - self._expected_at_last
        received = sequence.received - self._received_at_last
        self._expected_at_last = sequence.expected
        self._received_at_last = sequence.received
        lost = expected - received
        fraction = min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0
        delay = int((now - self._peer_report_at) * 65536) if self._peer_report else 0
        return rtcp.ReportBlock(
            ssrc, fraction, sequence.lost, sequence.newest, int(jitter), self._peer_report, delay
        )

    def receive(self, data: bytes, now: float, peer_ssrc: int | None) -> None:
        """Take the peer's datagram: counted, never raising."""
        stats = self._stats
        try:
            reports = rtcp.parse(data)
        except rtcp.MalformedRtcpError:
            stats.rtcp_malformed += 1
            return
        stats.rtcp_received += 1
        for report in reports:
            if isinstance(report, rtcp.Goodbye):
                stats.peer_said_goodbye |= peer_ssrc is None or peer_ssrc in report.ssrcs
                continue
            if isinstance(report, rtcp.SenderReport) and report.ssrc == peer_ssrc:
                self._peer_report = report.ntp >> 16 & 0xFFFFFFFF
                self._peer_report_at = now
            for block in report.blocks:
                if block.ssrc == self._ssrc:
                    self._heard(block, now)

    def _heard(self, block: rtcp.ReportBlock, now: float) -> None:
        """How the peer hears us."""
        stats = self._stats
        stats.peer_lost = block.lost
        stats.peer_fraction_lost = block.fraction_lost / 256
        stats.peer_jitter_ms = block.jitter * 1000 / PHONE_RATE_HZ
        if block.last_report:
            middle = int(now * 65536) & 0xFFFFFFFF
            round_trip = (middle - block.last_report - block.delay) & 0xFFFFFFFF
            # Beyond ten seconds it is a report that was made up, or of another call.
            if round_trip < 10 * 65536:
                stats.rtt_ms = round_trip * 1000 / 65536
