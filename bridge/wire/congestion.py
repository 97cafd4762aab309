"""When packets may leave: a congestion window and a pacer for audio at a constant rate.

First version. The window grows and shrinks as New Reno's does (RFC 9002 section 7), but never
below `FLOOR_BYTES`: under loss that is not congestion, a phone call's audio goes on at the rate
that it has, as RTP's does. What bounds it at a real bottleneck is the datagram queue, which
drops its oldest, and the ping, which ends a connection that delivers nothing.
"""

from collections.abc import Iterable

from aioquic.quic.congestion.base import register_congestion_control
from aioquic.quic.congestion.reno import RenoCongestionControl
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.quic.recovery import QuicPacketPacer

NAME = "reno-with-floor"
FLOOR_BYTES = 160 * 1024
"""Two ticks of 100 calls of PCM16 at 16 kHz: a tick may be on its way while the next leaves."""
BURST_BYTES = 160 * 1024
"""What may leave at once."""


class AudioReno(RenoCongestionControl):
    """New Reno with a floor under its window."""

    def __init__(self, *, max_datagram_size: int) -> None:
        super().__init__(max_datagram_size=max_datagram_size)
        self._keep_floor()

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        super().on_packets_lost(now=now, packets=packets)
        self._keep_floor()

    def on_persistent_congestion(self) -> None:
        super().on_persistent_congestion()
        self._keep_floor()

    def _keep_floor(self) -> None:
        self.congestion_window = max(self.congestion_window, FLOOR_BYTES)


class TickPacer(QuicPacketPacer):
    """A pacer that lets one tick of all calls leave at once.

    aioquic's lets 16 packets go and spreads the rest over timers, whose resolution is 1 ms:
    with a frame of each call ready at the same instant, that delays the last ones. The rate in
    the long run stays what the congestion window allows.
    """

    def update_rate(self, congestion_window: int, smoothed_rtt: float) -> None:
        super().update_rate(congestion_window, smoothed_rtt)
        assert self.packet_time is not None
        burst = BURST_BYTES / self._max_datagram_size * self.packet_time
        self.bucket_max = max(self.bucket_max, burst)


register_congestion_control(NAME, AudioReno)
