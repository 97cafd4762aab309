"""One call's RTP and RTCP, both ways, without sockets: datagrams and the time in, datagrams,
audio and digits out."""

import random

from bridge.audio.frames import FRAME_MS, PHONE_RATE_HZ
from sip_plugin.media import rtp
from sip_plugin.media.caller_frames import CallerFrame, CallerFrames
from sip_plugin.media.description import Direction, MediaDescription
from sip_plugin.media.dtmf import Dtmf, DtmfReceiver
from sip_plugin.media.jitter import JitterBuffer
from sip_plugin.media.rebinding import Rebinding
from sip_plugin.media.reporting import Reporter
from sip_plugin.media.sending import DIGIT_MS, RtpSender
from sip_plugin.media.sequence import Order, SequenceTracker
from sip_plugin.media.source import Address, PeerSource, usable
from sip_plugin.media.stats import RtpStats, estimate_mos

SSRC_SILENCE_SECS = 0.05
"""After so long without the present stream another one is taken with its first packet."""
FIRST_PACKET_SECS = 0.1
"""A phone that sends nothing for so long after the answer is heard as silence from then on."""
RtpEvent = Dtmf


class RtpSession:
    """Lives as long as the call's sockets. `now` is monotonic seconds and never goes back.

    Hand every datagram to `receive` or `receive_rtcp`, and read the sockets before `pull`:
    what lies unread in them looks like a loss.
    """

    def __init__(
        self, media: MediaDescription, now: float, rng: random.Random | None = None
    ) -> None:
        rng = rng or random.SystemRandom()
        self._media = media
        self._stats = RtpStats()
        self._source = PeerSource(usable(media.remote_address, media.remote_rtp_port), now)
        self._rebinding = Rebinding()
        self._rtcp_learned: Address | None = None
        self._sender = RtpSender(self._stats, rng)
        self._apply(media)
        # Receiving
        self._ssrc: int | None = None
        self._sequence: SequenceTracker | None = None
        self._lost_before = 0
        self._other_stream: tuple[int, int] | None = None
        self._heard_at = now
        self._jitter = 0.0
        self._last_transit: float | None = None
        self._frames = CallerFrames(media.codec, self._stats)
        self._buffer = JitterBuffer(self._frames.is_silent)
        self._digits_in = DtmfReceiver()
        self._reporter = Reporter(self._sender.ssrc, self._stats, now, rng)

    # --- signalling ----------------------------------------------------------------------

    def update(self, media: MediaDescription, now: float) -> None:
        """A re-INVITE or UPDATE was answered: address, codec, direction may have changed."""
        before, self._media = self._media, media
        self._source.update(usable(media.remote_address, media.remote_rtp_port), now)
        self._rebinding.forget()
        if (media.remote_address, media.remote_rtcp_port) != (
            before.remote_address,
            before.remote_rtcp_port,
        ):
            self._rtcp_learned = None
        if media.codec is not before.codec:
            self._frames.use(media.codec)
            self._buffer.restart()
        self._apply(media)
        self._heard_at = now
        if not media.direction.receives:
            self._buffer.quiet()

    def restart(self, now: float) -> None:
        """The call is answered: the uplink begins anew, for nobody listened before (early media).

        With the next packet, or with silence when none comes soon.
        """
        self._buffer = JitterBuffer(self._frames.is_silent, now + FIRST_PACKET_SECS)
        self._frames.restart()
        self._last_transit = None

    def _apply(self, media: MediaDescription) -> None:
        self._rx_payload_type = media.rx_payload_type
        self._rx_event_payload_type = media.rx_event_payload_type
        nowhere = usable(media.remote_address, media.remote_rtp_port) is None
        self._sender.use(media, media.direction.sends and not nowhere)
        self._receives = media.direction.receives
        self._on_hold = media.direction is not Direction.SENDRECV or nowhere

    @property
    def on_hold(self) -> bool:
        """One side said that it does not send or does not listen."""
        return self._on_hold

    def silent_for(self, now: float) -> float:
        """Seconds since the peer's last valid packet, or the last answer; 0 while on hold."""
        return 0.0 if self._on_hold else now - self._heard_at

    @property
    def remote(self) -> Address | None:
        """Where what we send goes."""
        return self._source.destination

    @property
    def moves(self) -> int:
        """How often the peer went on from another source in mid-call."""
        return self._rebinding.moves

    # --- receiving -----------------------------------------------------------------------

    def receive(self, packet: bytes, source: Address, now: float) -> list[RtpEvent]:
        """Take a datagram of the RTP socket; what is not the peer's RTP is dropped and counted.

        Returns the digits that ended.
        """
        stats = self._stats
        try:
            kind, sequence, timestamp, ssrc, payload, marker = rtp.parse(packet)
        except rtp.MalformedPacketError as error:
            stats.malformed += 1
            reasons = stats.malformed_by_reason
            reasons[error.reason] = reasons.get(error.reason, 0) + 1
            return []
        is_audio = kind == self._rx_payload_type
        if not is_audio and kind != rtp.COMFORT_NOISE and kind != self._rx_event_payload_type:
            stats.unknown_payload_type += 1
            return []
        if not self._source.accepts(
            source, ssrc, sequence, now, may_pin=self._receives
        ) and not self._has_moved(source, ssrc, sequence, now):
            stats.foreign_source += 1
            return []
        is_event = not is_audio and kind != rtp.COMFORT_NOISE
        if is_event and self._beside(ssrc, now):
            return self._event(timestamp, payload, now, marker)
        order = self._follow(ssrc, sequence, now)
        if order is None:
            return []
        self._heard_at = now
        stats.received += 1
        if not self._receives:
            stats.while_held += 1
            return []
        if is_audio:
            if not payload:
                return []  # a keep-alive (RFC 6263)
            self._measure(timestamp, now)
            newer = order is not Order.BEHIND
            self._buffer.push(
                timestamp,
                payload,
                now,
                newer=newer,
                talk_starts=marker or order is Order.NEXT,
            )
            return self.overdue_digits(now) if self._digits_in.active else []
        self._buffer.quiet()
        if is_event:
            return self._event(timestamp, payload, now, marker)
        return self.overdue_digits(now)

    def _has_moved(self, source: Address, ssrc: int, sequence: int, now: float) -> bool:
        """Whether the peer goes on from an unexpected source, which is its address then."""
        if self._ssrc is None or self._sequence is None or not self._receives:
            return False
        if not self._rebinding.follows(
            source,
            ssrc,
            sequence,
            stream=self._ssrc,
            newest=self._sequence.newest,
            silent_secs=now - self._heard_at,
            now=now,
        ):
            return False
        self._rebinding.moved(self._source.pinned, self._ssrc, source, now)
        self._source.move(source)
        self._rtcp_learned = None
        self._stats.source_moves += 1
        return True

    def _event(self, timestamp: int, payload: bytes, now: float, marker: bool) -> list[RtpEvent]:
        digits = self._digits_in.push(timestamp, payload, now, marker)
        self._stats.digits_received += len(digits)
        return digits

    def overdue_digits(self, now: float) -> list[RtpEvent]:
        """The digit whose end got lost while nothing else came: ask now and then."""
        digits = self._digits_in.expire(now)
        self._stats.digits_received += len(digits)
        return digits

    def _beside(self, ssrc: int, now: float) -> bool:
        """Another stream while the present one is alive: some gateways send keys in their own."""
        alive = now - self._heard_at < SSRC_SILENCE_SECS
        return self._ssrc is not None and ssrc != self._ssrc and alive

    def _follow(self, ssrc: int, sequence: int, now: float) -> Order | None:
        """Place a packet in its stream; None when it is not to be used."""
        stats = self._stats
        if ssrc != self._ssrc:
            expected = (ssrc, sequence)
            if self._other_stream != expected and self._beside(ssrc, now):
                # It counts once it goes on while the present one does not.
                self._other_stream = (ssrc, (sequence + 1) & 0xFFFF)
                return None
            if self._sequence is not None:
                self._lost_before += self._sequence.lost
                stats.source_changes += 1
                self._begin_stream()
            self._ssrc = ssrc
            self._sequence = SequenceTracker(sequence)
            return Order.NEXT
        self._other_stream = None
        order = self._sequence.push(sequence)
        if order is Order.NEXT or order is Order.AHEAD:
            return order
        if order is Order.BEHIND:
            stats.reordered += 1
            return order
        if order is Order.RESTART:
            self._begin_stream()
            return Order.NEXT
        if order is Order.DUPLICATE:
            stats.duplicates += 1
        return None

    def _begin_stream(self) -> None:
        self._other_stream = None
        self._buffer.restart()
        self._digits_in.restart()
        self._reporter.restart()
        self._last_transit = None

    def _measure(self, timestamp: int, now: float) -> None:
        """Interarrival jitter (RFC 3550 appendix A.8), in samples."""
        transit = now * PHONE_RATE_HZ - timestamp
        if self._last_transit is not None:
            difference = abs(transit - self._last_transit)
            # A wrap or a new start of the timestamps is no jitter.
            if difference < PHONE_RATE_HZ:
                self._jitter += (difference - self._jitter) / 16
        self._last_transit = transit

    # --- uplink --------------------------------------------------------------------------

    def pull(self, now: float, looked_at: float | None = None) -> list[CallerFrame]:
        """The caller's frames that are due, usually none or one; cheap when none is.

        From the first frame on they come at exactly real time, whatever the peer sends.
        `looked_at`: when it was last looked whether any is due (`due_at`), if not by `pull`.
        """
        slots = self._buffer.pull(now, looked_at)
        if not slots:
            return []
        in_digit = self._digits_in.active
        return [self._frames.frame(slot, in_digit) for slot in slots]

    @property
    def due_at(self) -> float:
        """Before then `pull` returns nothing, unless a packet comes."""
        return self._buffer.due_at

    # --- sending -------------------------------------------------------------------------

    def send(
        self, payload: bytes, now: float, marker: bool = False
    ) -> tuple[bytes, Address] | None:
        """The datagram of one packet's time, and where to; None when nothing may be sent.

        payload: encoded audio, a byte a sample: 160 for 20 ms, 80 to 480. A digit that is being
        sent takes its place.
        The timestamp goes on in any case; the sequence number only with a packet, so that the
        peer counts no loss for a hold.
        """
        return self._sender.send(payload, self._source.destination, marker)

    def skip(self, samples: int) -> None:
        """Let time pass without a packet; the next one begins a talk spurt."""
        self._sender.skip(samples)

    def send_digit(self, digit: str, duration_ms: int = DIGIT_MS) -> bool:
        """Queue a key (0-9, *, #, A-D); it leaves in the next slots, in place of the audio.

        False when the peer takes no telephone events, or 64 keys wait already.
        Raises ValueError for what is no key.
        """
        return self._sender.send_digit(digit, duration_ms)

    @property
    def plays_audio(self) -> bool:
        """What is sent now is heard: not on hold, and no digit in its place."""
        return self._sender.plays_audio and self._source.destination is not None

    @property
    def takes_digits(self) -> bool:
        """The peer takes telephone events."""
        return self._sender.takes_digits

    @property
    def digits_waiting(self) -> bool:
        """Slots are needed for digits, so `send` must be called in each."""
        return self._sender.digits_waiting

    # --- RTCP ----------------------------------------------------------------------------

    def receive_rtcp(self, packet: bytes, source: Address, now: float) -> None:
        """Take a datagram of the RTCP socket; counted, and dropped when it is not the peer's."""
        pinned = self._source.pinned
        expected = pinned[0] if pinned is not None else self._media.remote_address
        if source[0] not in (expected, self._media.remote_address):
            self._stats.rtcp_foreign += 1
            return
        if pinned is not None and source[0] == pinned[0]:
            self._rtcp_learned = source
        self._reporter.receive(packet, now, self._ssrc)

    def rtcp(self, now: float) -> tuple[bytes, Address] | None:
        """The report that is due, and where to; about every five seconds. Hold changes nothing."""
        if not self._reporter.due(now):
            return None
        return self._report(now, None)

    def bye(self, now: float, reason: str = "") -> tuple[bytes, Address] | None:
        """The last report, with a BYE."""
        return self._report(now, reason)

    def _report(self, now: float, goodbye: str | None) -> tuple[bytes, Address] | None:
        destination = self._rtcp_destination()
        if destination is None:
            return None
        peer = (self._ssrc, self._sequence) if self._sequence is not None else None
        packet = self._reporter.build(now, self._sender.timestamp, peer, self._jitter, goodbye)
        return packet, destination

    def _rtcp_destination(self) -> Address | None:
        signalled = usable(self._media.remote_address, self._media.remote_rtcp_port)
        pinned = self._source.pinned
        if pinned is None or (signalled is not None and signalled[0] == pinned[0]):
            return signalled
        # Behind NAT: where its reports come from, else the port next to its audio.
        return self._rtcp_learned or usable(pinned[0], pinned[1] + 1 & 0xFFFF)

    # --- stats ---------------------------------------------------------------------------

    @property
    def stats(self) -> RtpStats:
        """Counters up to now; one object for the life of the session."""
        stats = self._stats
        buffer = self._buffer.stats
        if self._sequence is not None:
            stats.lost = max(0, self._lost_before + self._sequence.lost)
        stats.late = buffer.late
        stats.dropped_frames = buffer.dropped_frames
        stats.overflow_ms = buffer.overflow_samples * 1000 / PHONE_RATE_HZ
        stats.clock_restarts = buffer.restarts
        stats.missed_ms = float(buffer.missed_slots * FRAME_MS)
        stats.digits_refused = self._digits_in.refused
        stats.jitter_ms = self._jitter * 1000 / PHONE_RATE_HZ
        stats.margin_ms = self._buffer.margin * 1000
        if stats.received:
            packets = (stats.lost + stats.late) / (stats.received + stats.lost)
            frames = (stats.concealed + stats.dropped_frames) / max(stats.frames, 1)
            delay = (stats.rtt_ms or 0.0) / 2 + FRAME_MS + stats.jitter_ms
            stats.mos = estimate_mos(max(packets, frames), delay)
        return stats
