"""What goes wrong with one call of a worker costs only that call.

Steps of one call run in a `try` of their own. What is done for many calls in one batch costs one
`try` for all; only when it fails is it done again for each alone, to find whose fault it was.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sip_plugin.media.call import MediaCall

log = logging.getLogger(__name__)

Member = TypeVar("Member", bound=tuple[Any, ...])


class Guard:
    """Of all calls of a worker; `name` is that of the worker, in the log."""

    def __init__(self, name: str, on_failure: Callable[[MediaCall], None]) -> None:
        """`on_failure`: nothing more is to be asked of the call, but to close it."""
        self._name = name
        self._on_failure = on_failure
        self._strange = False
        """A batch has failed of which each part alone did not."""

    def run(self, call: MediaCall, step: Callable[..., Any], *arguments: object) -> Any:
        """Run a step of one call, unless it is over. None when it is, or when the step failed."""
        return None if call.ended else self.last(call, step, *arguments)

    def last(self, call: MediaCall, step: Callable[..., Any], *arguments: object) -> Any:
        """Run a step of one call even if it is over."""
        try:
            return step(*arguments)
        except Exception as error:
            self._failed(call, error)
            return None

    def together(
        self, members: list[Member], batch: Callable[[list[Member]], NDArray[Any]]
    ) -> tuple[list[Member], NDArray[Any]]:
        """One row of `batch(members)` for each of `members`, tuples that begin with their call.

        `batch` must change nothing when it raises: then it is run for each member alone. Those
        for which it raises again end; returns the others, with their rows.
        """
        try:
            return members, batch(members)
        except Exception as error:
            whole = error
        sound: list[Member] = []
        rows: list[NDArray[Any]] = []
        for member in members:
            row = self.run(member[0], batch, [member])
            if row is not None:
                sound.append(member)
                rows.append(row)
        if len(sound) == len(members) and not self._strange:
            self._strange = True
            log.error(
                "%s: a batch of %d calls failed, each alone did not; told once",
                self._name,
                len(members),
                exc_info=whole,
            )
        return sound, np.concatenate(rows) if rows else np.empty(0)

    def _failed(self, call: MediaCall, error: Exception) -> None:
        if call.failed:
            return  # it was told, and what follows is no news
        log.error("%s: call %s failed and ends", self._name, call.sid, exc_info=error)
        call.fail(type(error).__name__)
        self._on_failure(call)
