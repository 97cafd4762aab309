"""The datagrams of the model leg: audio both ways.

Layouts in docs/wire.md, section "Datagrams". All numbers are unsigned, big-endian.
"""

import struct
from dataclasses import dataclass

from bridge.wire.limits import MAX_AUDIO

UPLINK, DOWNLINK = 1, 2
_UPLINK = struct.Struct(">BIII")
_DOWNLINK = struct.Struct(">BIIII")


@dataclass(frozen=True, slots=True)
class UplinkFrame:
    """Caller audio of call number `call`; `timestamp` in samples at the agent's input rate."""

    call: int
    seq: int
    timestamp: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class DownlinkFrame:
    """Agent audio of the reply to `turn`; `seq` and `timestamp` (samples) count within it."""

    call: int
    turn: int
    seq: int
    timestamp: int
    payload: bytes


Datagram = UplinkFrame | DownlinkFrame


def encode_uplink(call: int, seq: int, timestamp: int, payload: bytes) -> bytes:
    """Raises ValueError for audio that a datagram must not carry, struct.error beyond 32 bits."""
    _check_audio(payload)
    return _UPLINK.pack(UPLINK, call, seq, timestamp) + payload


def encode_downlink(call: int, turn: int, seq: int, timestamp: int, payload: bytes) -> bytes:
    """Raises ValueError for audio that a datagram must not carry, struct.error beyond 32 bits."""
    _check_audio(payload)
    return _DOWNLINK.pack(DOWNLINK, call, turn, seq, timestamp) + payload


def decode(data: bytes) -> Datagram | None:
    """One datagram, or None when it is not one of ours."""
    if not data:
        return None
    kind = data[0]
    if kind == DOWNLINK and _audio_fits(len(data) - _DOWNLINK.size):
        _, call, turn, seq, timestamp = _DOWNLINK.unpack_from(data)
        return DownlinkFrame(call, turn, seq, timestamp, data[_DOWNLINK.size :])
    if kind == UPLINK and _audio_fits(len(data) - _UPLINK.size):
        _, call, seq, timestamp = _UPLINK.unpack_from(data)
        return UplinkFrame(call, seq, timestamp, data[_UPLINK.size :])
    return None


def _audio_fits(size: int) -> bool:
    return 0 < size <= MAX_AUDIO


def _check_audio(payload: bytes) -> None:
    if not _audio_fits(len(payload)):
        raise ValueError(f"audio of {len(payload)} bytes: a datagram takes 1 to {MAX_AUDIO}")
