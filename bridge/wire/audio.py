"""Frames of audio as objects of a call's tracks: in datagrams, or on a stream for each group.

Where a frame is in its track, and the properties of its object: docs/wire.md, section "Audio".
"""

import struct
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from bridge.moqt import objects, varint
from bridge.moqt.errors import ResetCode
from bridge.moqt.session import Session
from bridge.moqt.subgroups import SubgroupWriter
from bridge.moqt.tracks import Publication
from bridge.wire.limits import MAX_AUDIO
from bridge.wire.tracks import FIRST_FRAME_LEAD, FRAMES_PER_GROUP, GROUPS_PER_TURN, TIMESTAMP

MAX_SEQ = 0xFFFF_FFFF
_MAX_REPLY_SEQ = GROUPS_PER_TURN * FRAMES_PER_GROUP - 1
# An object's id, the size of its properties, and they: a timestamp in an integer of 4 bytes, or
# of 5 when it does not fit.
_SHORT = struct.Struct(">BBBI")
_LONG = struct.Struct(">BBBBI")
_PROPERTIES = struct.Struct(">BI")
"""The properties of one whose timestamp fits."""
_SHORT_LIMIT, _SHORT_MARK, _LONG_MARK = 1 << 28, 0xE000_0000, 0xF0

_tuple = tuple.__new__
"""Makes a NamedTuple in a third of the time that its own constructor takes."""


class UplinkFrame(NamedTuple):
    """Caller audio; `timestamp` in samples at the agent's input rate."""

    seq: int
    timestamp: int
    payload: bytes


class DownlinkFrame(NamedTuple):
    """Agent audio of the reply to `turn`; `seq` and `timestamp` (samples) count within it."""

    turn: int
    seq: int
    timestamp: int
    payload: bytes


class AudioWriter:
    """One track's frames on their way out; what never changes is encoded once."""

    def __init__(self, session: Session, publication: Publication, *, by_stream: bool) -> None:
        self._session = session
        self._publication = publication
        self._by_stream = by_stream
        self._head = objects.datagram_head(publication.alias, True)
        self._group = -1
        self._prefix = b""
        self._stream: SubgroupWriter | None = None
        self._ended: deque[int] = deque()
        """Streams of groups that are complete, or were dropped, but may not be taken yet."""

    def uplink(self, seq: int, timestamp: int, payload: bytes) -> bytes | None:
        """The datagram to send, or None: it went to a stream, or nobody wants it.
        Raises ValueError for what the wire does not take."""
        return self._write(seq // FRAMES_PER_GROUP, seq, MAX_SEQ, timestamp, payload)

    def downlink(self, frame: DownlinkFrame) -> bytes | None:
        """The same for a reply's frame; its first one has a priority of its own."""
        turn, seq, timestamp, payload = frame
        group = turn * GROUPS_PER_TURN + seq // FRAMES_PER_GROUP
        return self._write(group, seq, _MAX_REPLY_SEQ, timestamp, payload, not seq)

    @property
    def first_priority(self) -> int:
        """That of a reply's first frame."""
        return max(0, self._publication.publisher_priority - FIRST_FRAME_LEAD)

    @property
    def by_stream(self) -> bool:
        """Whether frames go to streams."""
        return self._by_stream

    def backlog(self, of: Callable[[int], int]) -> int:
        """Bytes of all groups that the other side has not taken; `of` a stream, by its id."""
        while self._ended and not of(self._ended[0]):
            self._ended.popleft()
        present = of(self._stream.stream_id) if self._stream is not None else 0
        return present + sum(map(of, self._ended))

    def finish_group(self) -> None:
        """What comes next is in another group."""
        if self._stream is not None:
            self._stream.finish()
            self._ended.append(self._stream.stream_id)
            self._stream = None

    def drop_group(self) -> None:
        """What is under way of this group is not wanted any more, nor is its rest."""
        if self._stream is not None:
            self._stream.reset(ResetCode.CANCELLED)

    def _write(
        self,
        group: int,
        seq: int,
        most: int,
        timestamp: int,
        payload: bytes,
        first: bool = False,
    ) -> bytes | None:
        if not 0 < len(payload) <= MAX_AUDIO:
            raise ValueError(f"audio of {len(payload)} bytes: a frame has 1 to {MAX_AUDIO}")
        if not (0 <= seq <= most and 0 <= timestamp <= MAX_SEQ):
            raise ValueError(f"frame {seq} at {timestamp} is beyond what a track counts")
        publication = self._publication
        object_id = seq % FRAMES_PER_GROUP
        if not publication.forward or (
            publication.filtered and not publication.wants(group, object_id)
        ):
            # An object is left out, so its group must not seem complete (section 11.4.3).
            if group == self._group:
                self.drop_group()
            else:
                self.finish_group()
            return None
        if group != self._group:
            self._group = group
            self._prefix = self._head + varint.encode(group)
            self.finish_group()
        if self._by_stream and self._stream is None:
            self._stream = self._session.open_subgroup(publication, group, has_properties=True)
        if timestamp < _SHORT_LIMIT:
            tail = _SHORT.pack(object_id, 5, TIMESTAMP, _SHORT_MARK | timestamp)
        else:
            tail = _LONG.pack(object_id, 6, TIMESTAMP, _LONG_MARK, timestamp)
        if self._stream is None:
            publication.largest = (group, object_id)
            if first:
                return objects.encode_datagram(
                    publication.alias, group, object_id, payload, tail[2:], self.first_priority
                )
            return self._prefix + tail + payload
        self._stream.write(object_id, payload, tail[2:])
        return None


def uplink_frame(
    group: int, object_id: int, properties: bytes, payload: bytes, samples: int
) -> UplinkFrame | None:
    """An object of an uplink as a frame, or None when it is none. `samples` of a frame give the
    position of one that does not tell it."""
    if object_id >= FRAMES_PER_GROUP or not 0 < len(payload) <= MAX_AUDIO:
        return None
    seq = group * FRAMES_PER_GROUP + object_id
    timestamp: int | None = None
    if len(properties) == 5:  # nearly always: in an integer of 4 bytes
        kind, value = _PROPERTIES.unpack(properties)
        if kind == TIMESTAMP and value >> 28 == 0xE:
            timestamp = value - _SHORT_MARK
    if timestamp is None:
        timestamp = _timestamp(properties, seq * samples)
    if seq > MAX_SEQ or timestamp is None:
        return None
    return _tuple(UplinkFrame, (seq, timestamp, payload))


def downlink_frame(
    group: int, object_id: int, properties: bytes, payload: bytes, samples: int
) -> DownlinkFrame | None:
    """The same for an object of a downlink."""
    if object_id >= FRAMES_PER_GROUP or not 0 < len(payload) <= MAX_AUDIO:
        return None
    turn, group = divmod(group, GROUPS_PER_TURN)
    seq = group * FRAMES_PER_GROUP + object_id
    timestamp: int | None = None
    if len(properties) == 5:
        kind, value = _PROPERTIES.unpack(properties)
        if kind == TIMESTAMP and value >> 28 == 0xE:
            timestamp = value - _SHORT_MARK
    if timestamp is None:
        timestamp = _timestamp(properties, seq * samples)
    if turn > MAX_SEQ or timestamp is None:
        return None
    return _tuple(DownlinkFrame, (turn, seq, timestamp, payload))


def _timestamp(properties: bytes, otherwise: int) -> int | None:
    """What an object's properties say of its position; None when they are malformed."""
    if not properties:
        return otherwise
    if properties[0] == TIMESTAMP:
        try:
            value, end = varint.decode(properties, 1)
        except varint.Truncated:
            return None
        if end == len(properties):
            return value
    pairs = objects.properties_of(properties)
    if pairs is None:
        return None
    return next((v for k, v in pairs if k == TIMESTAMP and isinstance(v, int)), otherwise)
