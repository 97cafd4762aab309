"""Every bound of the model leg, one home for its numbers. docs/wire.md quotes them.

Sizes in bytes, times in seconds, rates per second.
"""

ALPN = "clutchcall-voice/1"
"""Name and version of what is spoken; a change that is not compatible changes the number."""

MAX_MESSAGE = 16 * 1024
"""A control message's JSON."""
MAX_AUDIO = 1100
"""A datagram's audio: 20 ms of PCM16 at 24 kHz is 960, and a 1200-byte packet carries it."""
MAX_DATAGRAM_FRAME = 1200
"""What both sides announce as the largest DATAGRAM frame that they take."""
MAX_CALLS_PER_CONNECTION = 128
"""Calls open at a time; QUIC's stream limit enforces it."""
MAX_SEQ_JUMP = 16_384
"""A sequence number further ahead than this is not believed."""
MAX_STREAM_BACKLOG = 64 * 1024
"""Control bytes that the other side has not taken; more, and the call has stalled."""

OPEN_WAIT = 5.0
"""From the opening of a stream to its whole `open` message."""
REORDER_WAIT = 0.12
"""How long a gap in a track may hold back what came after it."""
LATE_AUDIO_WAIT = 0.2
"""How long a commit waits for uplink audio up to its `last_seq`, and a `reply_end`, after the
last frame that arrived, for the rest of its frames."""
MAX_HELD = 64
"""Frames held back for a gap."""
MAX_WAITING_MESSAGES = 64
"""Control messages held back behind a commit that waits."""

PING_INTERVAL = 0.4
DEAD_AFTER = 1.8
"""Silence after which the other side is dead."""
PEER_SILENT_AFTER = 5.0
"""The gateway closes a connection whose plugin has given no sign of life for so long."""
QUIC_IDLE = 10.0
"""QUIC's own idle timeout, announced by both."""

CONTROL_BURST, CONTROL_RATE = 200, 50
"""Control messages of one call, each way."""
UPLINK_BURST, UPLINK_RATE = 500, 100
"""Uplink datagrams of one call: 50 are real time."""
DOWNLINK_BURST, DOWNLINK_RATE = 12_000, 200
"""Downlink datagrams of one call: a model may speak 120 s ahead of real time."""
