"""The control streams of a session: SETUP, then at most one GOAWAY (draft 18, sections 3.3, 10.3,
10.4)."""

import re
from collections.abc import Iterator

from bridge.moqt import codec, token
from bridge.moqt import messages as m
from bridge.moqt.actions import CONTROL_RANK, Action, Rank, Send
from bridge.moqt.draft import Draft
from bridge.moqt.errors import SessionCode, SessionError, violation
from bridge.moqt.events import Event, GoingAway, Ready
from bridge.moqt.limits import Limits
from bridge.moqt.messages import Message, Option
from bridge.moqt.pairs import Pairs

_UNRESERVED = rb"[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}"
_PATH = re.compile(rb"(?:/(?:%s)*)*(?:\?(?:%s|[/?])*)?" % (_UNRESERVED, _UNRESERVED))
"""path-abempty, and a query (RFC 3986)."""
_AUTHORITY = re.compile(rb"(?:%s|\[[0-9A-Fa-f:.]+\])+" % _UNRESERVED)


class Control:
    """One end's, with the other end's."""

    def __init__(
        self,
        is_client: bool,
        draft: Draft,
        limits: Limits,
        options: Pairs,
        out: list[Action],
        now: float,
    ) -> None:
        self.peer: Pairs | None = None
        """The other side's setup options."""
        self.out_id = -1
        self.in_id: int | None = None
        self.setup_by: float | None = now + limits.setup_wait
        """Until when its SETUP must have come."""
        self._is_client = is_client
        self._draft = draft
        self._options = options
        self._out = out
        self._reader = codec.MessageReader(draft, limits.message_bytes)
        self._goaway_received = False

    def start(self, stream_id: int) -> None:
        self.out_id = stream_id
        self._out.append(Rank(stream_id, CONTROL_RANK))
        self.say(m.Setup(self._options))

    def say(self, message: Message) -> None:
        self._out.append(Send(self.out_id, codec.encode(self._draft, message)))

    def begin(self, stream_id: int) -> None:
        """A stream of the other side begins with the type of SETUP."""
        if self.in_id is not None:
            raise violation("a second control stream")
        self.in_id = stream_id

    def receive(self, data: bytes, ended: bool) -> Iterator[Event]:
        for message in self._reader.feed(data):
            yield from self._on_message(message)
        if ended:
            raise violation("the control stream has ended")

    # --- inside ------------------------------------------------------------------------------

    def _on_message(self, message: Message) -> Iterator[Event]:
        match message:
            case m.Setup(options=options) if self.peer is None:
                self._check_setup(options)
                self.peer = options
                self.setup_by = None
                yield Ready(options)
            case m.Goaway() if self.peer is not None:
                if self._goaway_received:
                    raise violation("a second GOAWAY")
                self._goaway_received = True
                check_goaway(message, self._is_client)
                yield GoingAway(message.uri.decode("utf-8", "replace"), message.timeout_ms)
            case _:
                raise violation(f"{type(message).__name__} on the control stream")

    def _check_setup(self, options: Pairs) -> None:
        for kind, value in options:
            if kind == Option.AUTHORIZATION_TOKEN and isinstance(value, bytes):
                token.decode(value, in_setup=True)
            elif kind == Option.PATH:
                if self._is_client:
                    raise SessionError(SessionCode.INVALID_PATH, "a server has none")
                if not _PATH.fullmatch(bytes(value)):
                    raise SessionError(SessionCode.MALFORMED_PATH, "it is no path of a URI")
            elif kind == Option.AUTHORITY:
                if self._is_client:
                    raise SessionError(SessionCode.INVALID_AUTHORITY, "a server has none")
                if not _AUTHORITY.fullmatch(bytes(value)):
                    raise SessionError(SessionCode.MALFORMED_AUTHORITY, "it is none of a URI")


def check_goaway(message: m.Goaway, to_client: bool, *, of_request: bool = False) -> None:
    """Raises SessionError for what must not be in one."""
    if message.uri and not to_client:
        raise violation("GOAWAY of a client with a URI")
    if message.request_id is None:
        return
    if of_request:
        raise violation("GOAWAY of a request with a request id")
    if message.request_id & 1 != (0 if to_client else 1):
        raise SessionError(SessionCode.INVALID_REQUEST_ID, "GOAWAY with an id not of ours")
