"""What a session wants done on QUIC, in order."""

from typing import NamedTuple

from bridge.moqt.errors import ResetCode, SessionCode


class Send(NamedTuple):
    stream_id: int
    data: bytes
    ended: bool = False


class Reset(NamedTuple):
    """Send no more on the stream; what is under way need not arrive."""

    stream_id: int
    code: ResetCode


class Stop(NamedTuple):
    """Ask the other side to send no more on the stream."""

    stream_id: int
    code: ResetCode


class Close(NamedTuple):
    """The session is over: close the connection with this application error code."""

    code: SessionCode
    reason: str


Action = Send | Reset | Stop | Close
