"""Numbers of streams and requests: which are ours, which come next, which were used."""

from bridge.moqt.errors import SessionCode, SessionError

MAX_SKIPPED = 4096
"""Request ids of the other side that may still come after later ones."""


class StreamIds:
    """QUIC's stream ids (RFC 9000 section 2.1): bit 0 tells whose, bit 1 which kind."""

    def __init__(self, is_client: bool) -> None:
        self._mine = 0 if is_client else 1
        self._next = [self._mine, self._mine | 2]

    def open(self, *, unidirectional: bool) -> int:
        kind = int(unidirectional)
        stream_id = self._next[kind]
        self._next[kind] += 4
        return stream_id

    def is_mine(self, stream_id: int) -> bool:
        return stream_id & 1 == self._mine


def is_unidirectional(stream_id: int) -> bool:
    return bool(stream_id & 2)


class RequestIds:
    """Request ids (section 10.1): even ones of the client, odd ones of the server."""

    def __init__(self, is_client: bool) -> None:
        self._next = 0 if is_client else 1
        self._expected = 1 if is_client else 0
        self._parity = self._expected
        self._ahead: set[int] = set()

    def open(self) -> int:
        request_id = self._next
        self._next += 2
        return request_id

    @property
    def expected(self) -> int:
        """Smallest id of the other side that was not used yet."""
        return self._expected

    def use(self, request_id: int) -> None:
        """One of the other side's. Raises SessionError for one that it must not use."""
        if request_id & 1 != self._parity:
            raise SessionError(SessionCode.INVALID_REQUEST_ID, f"{request_id} is not its own")
        if request_id < self._expected or request_id in self._ahead:
            raise SessionError(SessionCode.INVALID_REQUEST_ID, f"{request_id} was used")
        if (request_id - self._expected) // 2 > MAX_SKIPPED:
            raise SessionError(SessionCode.INVALID_REQUEST_ID, f"{request_id} is far ahead")
        self._ahead.add(request_id)
        while self._expected in self._ahead:
            self._ahead.remove(self._expected)
            self._expected += 2
