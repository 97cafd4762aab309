"""The addresses of one agent's servers, and which of them to try next. Core without I/O."""

from collections.abc import Sequence

AVOIDED_SECS = 30.0
"""An address that failed is tried last for so long, by all calls."""


class Places:
    """In the order of preference, which is also the order in which they are tried."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.urls = tuple(urls)
        self._failed: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self.urls)

    def best(self, now: float, refused: frozenset[str] = frozenset()) -> str | None:
        """The first that has not failed lately, else the one whose failure is the oldest; None
        when there is none but those in `refused`."""
        left = [url for url in self.urls if url not in refused]
        if not left:
            return None
        good = (url for url in left if self._failed.get(url, -AVOIDED_SECS) <= now - AVOIDED_SECS)
        return next(good, None) or min(left, key=lambda url: self._failed[url])

    def failed(self, url: str, now: float) -> None:
        self._failed[url] = now

    def worked(self, url: str) -> None:
        self._failed.pop(url, None)
