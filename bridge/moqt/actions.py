"""What a session wants done on QUIC, in order."""

from typing import NamedTuple

from bridge.moqt.errors import ResetCode, SessionCode

CONTROL_RANK = -2
"""Of the control stream, which goes before the requests, and they before all objects."""


class Send(NamedTuple):
    stream_id: int
    data: bytes
    ended: bool = False


class Rank(NamedTuple):
    """Of the streams that have something to send, those of the smallest rank go first, request
    streams before them; `after` another stream of the same rank, while that one has."""

    stream_id: int
    rank: int
    after: int | None = None


class Reset(NamedTuple):
    """Send no more on the stream; what is under way need not arrive."""

    stream_id: int
    code: ResetCode


class ResetLater(NamedTuple):
    """The same after `secs`, if by then the other side has not taken all that was sent."""

    stream_id: int
    code: ResetCode
    secs: float


class Stop(NamedTuple):
    """Ask the other side to send no more on the stream."""

    stream_id: int
    code: ResetCode


class Close(NamedTuple):
    """The session is over: close the connection with this application error code."""

    code: SessionCode
    reason: str


Action = Send | Rank | Reset | ResetLater | Stop | Close
