"""The physics of a phone leg: one home for its numbers."""

PHONE_RATE_HZ = 8000
"""G.711 sampling rate."""
FRAME_MS = 20
"""One frame, one RTP packet, one tick."""
FRAME_SAMPLES = PHONE_RATE_HZ * FRAME_MS // 1000
"""160 samples of int16 mono."""
