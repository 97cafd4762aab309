"""Every bound of the model leg, one home for its numbers. docs/wire.md quotes them.

Sizes in bytes, times in seconds, rates per second.
"""

from bridge.moqt.draft18 import DRAFT_18

ALPN = DRAFT_18.alpn
"""What is spoken."""

MAX_MESSAGE = 16 * 1024
"""A control message's JSON."""
MAX_AUDIO = 1100
"""A datagram's audio: 20 ms of PCM16 at 24 kHz is 960, and a 1200-byte packet carries it."""
MAX_DATAGRAM_FRAME = 1200
"""What both sides announce as the largest DATAGRAM frame that they take."""
MAX_CALLS_PER_CONNECTION = 128
"""Calls open at a time."""
MAX_CALLS_AT_GATEWAY = 2 * MAX_CALLS_PER_CONNECTION
"""Calls of a connection that a gateway keeps: those that have ended on one side among them."""
MAX_STREAMS = 2048
"""Streams of the other side open at a time, of either kind: a call has 4 requests, and 1 to 3
unidirectional streams each way."""
MAX_HELD_BACK = 8 * 1024 * 1024
"""Bytes of a connection's streams that came before what belongs in front of them."""
MAX_SEQ_JUMP = 16_384
"""A sequence number further ahead than this is not believed."""
MAX_STREAM_BACKLOG = 64 * 1024
"""Control bytes that the other side has not taken; more, and the call has stalled."""
MAX_AUDIO_BACKLOG = 32 * 1024
"""Of a group's stream; more, and the rest of the group is given up."""

SETUP_WAIT = 5.0
"""From a connection's beginning to the other side's SETUP."""
OPEN_WAIT = 5.0
"""From a call's first request to its `open` message."""
LATE_END_WAIT = 1.0
"""How long a call's last message may come after the request of its track has ended."""
FAREWELL_WAIT = 5.0
"""How long a call's last message may wait for somebody who wants it."""
REPAIR_SECS = 0.15
"""Audio that was lost is sent again if it can arrive within this time of its first sending, or
before the ear needs it."""
REORDER_WAIT = 0.12
"""How long a gap in a track may hold back what came after it, at least."""
LATE_AUDIO_WAIT = 0.2
"""How long a commit waits for uplink audio up to its `last_seq`; and a `reply_end`, at least, after
the last frame that arrived, for the rest of its frames."""
MAX_HELD = 64
"""Uplink frames held back for a gap."""
MAX_AHEAD_WAIT = 2.0
"""The longest that a frame which the ear does not need yet is waited for, and repaired: after the
first frame behind the gap, or after the last frame that came."""
EAR_LEAD = 0.04
"""A wait ends so long before the ear needs what is missing: what was held back is then in time."""
MAX_HELD_AHEAD = 1024
"""Downlink frames held back for a gap: 20 s, at most 1.1 MB a call."""
MAX_WAITING_MESSAGES = 64
"""Control messages held back behind a commit that waits."""

MAX_REMEMBERED = 256
"""Messages of a call that can be said again after a break of the connection."""
SAID_AGAIN = 2 * MAX_REMEMBERED
"""Messages that a break allows beyond the rate: those, and as many that waited meanwhile."""
RECENT_FRAMES = 250
"""Audio frames of each track that can be."""
MAX_GAP_FRAMES = 400
"""Uplink frames that may wait for a connection: 8 s; of more the oldest are shed."""
CATCH_UP_FRAMES = 4
"""Of what waited, how many leave in each tick: four times real time."""
MAX_RESUME_SECS = 60
"""The longest that a call may wait for another connection."""
ANSWER_WAIT = 2.0
"""Behind a relay: how long nobody may take the tracks on which a call asks to go on, before it asks
on others."""
TAKEN_WAIT = 5.0
"""How long a gateway that has taken them may think about it."""
ASK_PAUSE = 0.5
"""Between a refusal and the next try."""

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
MAX_AHEAD_SECS = 110.0
"""What the gateway sends ahead of real time; more waits, for the plugin would drop it."""
