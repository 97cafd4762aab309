"""The four tracks of a call, and where in them a frame is. Names and layouts: docs/wire.md."""

import re
from typing import Literal, NamedTuple

from bridge.moqt.messages import Param, Parameters, Property
from bridge.moqt.names import Namespace, Track
from bridge.moqt.pairs import Pairs, find
from bridge.moqt.tracks import MIDDLE

Role = Literal["uplink", "downlink", "control", "events"]

VOICE: Namespace = (b"voice",)
"""The prefix of every call's namespaces."""
AUDIO, MESSAGES = b"audio", b"messages"
_NAMES: dict[Role, bytes] = {
    "uplink": AUDIO,
    "downlink": AUDIO,
    "control": MESSAGES,
    "events": MESSAGES,
}

TIMESTAMP, TIMESCALE = 0x06, 0x08
"""Properties of objects and tracks, as draft-ietf-moq-loc numbers them: the position of a frame's
first sample, and the units per second that it is counted in."""
CAPABILITY = 0x3801
"""A property of audio tracks: `voice/` and the codec's name."""

Priority = Literal["high", "normal", "low"]
AUDIO_PRIORITIES: dict[Priority, int] = {"high": 96, "normal": MIDDLE, "low": 160}
"""Of a call's audio tracks; smaller ones go first."""
MESSAGES_PRIORITY = 32
"""Of its control and events."""
FIRST_FRAME_LEAD = 16
"""So much smaller is the priority of the first frame of a reply: somebody waits for it."""

FRAMES_PER_GROUP = 50
"""About a second."""
GROUPS_PER_TURN = 1 << 16
"""Of a downlink; a reply's first frame is object 0 of group turn * GROUPS_PER_TURN."""


_ATTEMPT = re.compile(r"[1-9][0-9]{0,8}")


class CallTrack(NamedTuple):
    sid: str
    role: Role
    attempt: int = 0
    """0 are a call's first tracks; 1, 2… those on which it goes on after breaks."""


def track(sid: str, role: Role, attempt: int = 0) -> Track:
    after = (str(attempt).encode(),) if attempt else ()
    return Track((*VOICE, sid.encode(), role.encode(), *after), _NAMES[role])


def parse(name: Track) -> CallTrack | None:
    """Which call's track a name is, or None."""
    if len(name.namespace) not in (3, 4) or name.namespace[:1] != VOICE:
        return None
    try:
        sid, role, *after = (field.decode("ascii") for field in name.namespace[1:])
    except UnicodeDecodeError:
        return None
    if role not in _NAMES or _NAMES[role] != name.name:
        return None
    if after and not _ATTEMPT.fullmatch(after[0]):
        return None
    return CallTrack(sid, role, int(after[0]) if after else 0)


def audio_properties(codec: str, rate_hz: int, priority: int = MIDDLE) -> Pairs:
    """What an audio track says of itself."""
    made = (TIMESCALE, rate_hz), (CAPABILITY, b"voice/" + codec.encode())
    return made if priority == MIDDLE else (*made, (Property.PUBLISHER_PRIORITY, priority))


MESSAGE_PROPERTIES: Pairs = ((Property.PUBLISHER_PRIORITY, MESSAGES_PRIORITY),)
"""What a track of messages says of itself."""


def wanted(priority: int) -> Parameters:
    """What a subscriber says of a track, so that it goes before or behind others."""
    return {} if priority == MIDDLE else {Param.SUBSCRIBER_PRIORITY: priority}


def priority_of(properties: Pairs) -> int:
    """The priority that a track says it has."""
    found = find(properties, Property.PUBLISHER_PRIORITY)
    return found if isinstance(found, int) and found <= 255 else MIDDLE


def capability(properties: Pairs) -> str:
    """The capability that a track has, or nothing."""
    found = find(properties, CAPABILITY)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else ""
