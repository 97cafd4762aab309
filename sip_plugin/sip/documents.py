"""A configuration that comes in parts, put together within a bound."""

from sip_plugin.planes.messages import Reconfigure

MAX_CHARS = 32 * 1024 * 1024
"""Of a whole one: the largest file (4 MiB) and what its references hold, told as JSON."""


class TooLong(ValueError):
    """The parts of a request have more than MAX_CHARS; it is given up."""


class Documents:
    """One request at a time: a new one takes the place of one that did not come whole."""

    def __init__(self) -> None:
        self._request = ""
        self._parts: list[str] = []
        self._chars = 0
        self._is_given_up = False

    def take(self, message: Reconfigure) -> str | None:
        """The whole document with its last part, else None. Raises TooLong, once a request."""
        if message.request_id != self._request:
            self._request = message.request_id
            self._forget()
        if self._is_given_up:
            return None
        self._chars += len(message.part)
        if self._chars > MAX_CHARS:
            self._forget()
            self._is_given_up = True
            raise TooLong(f"the configuration has more than {MAX_CHARS} characters")
        self._parts.append(message.part)
        if not message.last:
            return None
        document = "".join(self._parts)
        self.clear()
        return document

    def clear(self) -> None:
        """What has not come whole never will."""
        self._request = ""
        self._forget()

    def _forget(self) -> None:
        self._parts, self._chars, self._is_given_up = [], 0, False
