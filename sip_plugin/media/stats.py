"""What one call's RTP was like: counters, and a figure for how it sounded."""

from dataclasses import dataclass, field

R_BEST = 93.2
"""G.107 with all its defaults and no impairment."""
_G711_LOSS_ROBUSTNESS = 25.1
"""Bpl of G.711 with concealment (G.113 appendix I)."""


@dataclass(slots=True)
class RtpStats:
    """Counters of packets unless the name or the text says otherwise. Plain, to be reported."""

    received: int = 0
    """Valid packets of the peer."""
    lost: int = 0
    """Missing in the sequence numbers; less the late ones that came after all."""
    late: int = 0
    """Came after their audio had been given up."""
    reordered: int = 0
    duplicates: int = 0
    malformed: int = 0
    malformed_by_reason: dict[str, int] = field(default_factory=dict)
    unknown_payload_type: int = 0
    foreign_source: int = 0
    """From somebody else than the peer: dropped."""
    while_held: int = 0
    """Came although we had said that we would not listen."""
    source_changes: int = 0
    """Streams (SSRC) after the first."""
    source_moves: int = 0
    """How often the peer's stream went on from another address in mid-call (`Rebinding`)."""
    frames: int = 0
    """Frames of 20 ms handed to the uplink, of every kind."""
    concealed: int = 0
    """Frames made up for a loss."""
    silence: int = 0
    """Frames of silence: pauses, hold, digits, long losses."""
    dropped_frames: int = 0
    """Surplus after a stall, or because the far clock is fast."""
    overflow_ms: float = 0.0
    """Audio older than 200 ms, dropped at once."""
    clock_restarts: int = 0
    """The peer's timestamps began anew."""
    missed_ms: float = 0.0
    """Uplink never made, because the process stood still for more than a second."""
    digits_received: int = 0
    digits_refused: int = 0
    sent: int = 0
    sent_octets: int = 0
    """Of payload."""
    jitter_ms: float = 0.0
    """Interarrival jitter (RFC 3550 section 6.4.1)."""
    margin_ms: float = 0.0
    """How long the buffer waits for a missing packet now."""
    rtcp_sent: int = 0
    rtcp_received: int = 0
    rtcp_malformed: int = 0
    rtcp_foreign: int = 0
    rtt_ms: float | None = None
    """From the peer's reports; None while there are none."""
    peer_lost: int = 0
    """Packets of ours that the peer misses."""
    peer_fraction_lost: float = 0.0
    """In its last report, 0 to 1."""
    peer_jitter_ms: float = 0.0
    peer_said_goodbye: bool = False
    mos: float | None = None
    """Estimated from loss and delay, 1 to 4.5; None before any audio."""


def estimate_mos(loss: float, delay_ms: float) -> float:
    """Mean opinion score of G.711 with concealment, by the E-model (G.107, annex B).

    loss: share of frames that were not heard as sent, 0 to 1. delay_ms: mouth to ear.
    """
    percent = 100 * min(max(loss, 0.0), 1.0)
    effective = 95 * percent / (percent + _G711_LOSS_ROBUSTNESS)
    delay = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
    r = min(max(R_BEST - effective - delay, 0.0), 100.0)
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
