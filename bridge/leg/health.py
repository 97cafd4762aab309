"""Which of an agent's endpoints a call goes to: by weight, those that fail last.

A core without I/O; times are seconds of a monotonic clock.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

BACKOFF_FIRST_SECS, BACKOFF_MOST_SECS = 2.0, 30.0
"""An endpoint that failed is tried after the others for so long, doubled with each failure."""


@dataclass(slots=True)
class _Trouble:
    failures: int
    until: float


class Health:
    def __init__(self) -> None:
        self._troubles: dict[str, _Trouble] = {}

    def failed(self, endpoint: str, now: float) -> None:
        """A call could not be opened there, or was lost. Many at once count as one failure."""
        trouble = self._troubles.get(endpoint)
        if trouble is not None and now < trouble.until:
            return
        failures = trouble.failures + 1 if trouble else 1
        pause = min(BACKOFF_MOST_SECS, BACKOFF_FIRST_SECS * 2 ** min(failures - 1, 10))
        self._troubles[endpoint] = _Trouble(failures, now + pause)

    def worked(self, endpoint: str) -> None:
        """A call was opened there."""
        self._troubles.pop(endpoint, None)

    def is_down(self, endpoint: str, now: float) -> bool:
        trouble = self._troubles.get(endpoint)
        return trouble is not None and now < trouble.until


def ranked(weights: Mapping[str, int], call: str) -> list[str]:
    """Endpoints in the order in which one call tries them, drawn by their weights.

    Weighted rendezvous hashing: no state, and no run of bad luck on one endpoint. Those of
    weight 0 come last, in their own order: spares.
    """

    def score(endpoint: str) -> float:
        digest = hashlib.sha256(f"{endpoint}\0{call}".encode()).digest()
        uniform = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 1)
        return math.log(uniform) / weights[endpoint]  # below 0: the nearest to it wins

    wanted = [endpoint for endpoint, weight in weights.items() if weight]
    spares = [endpoint for endpoint, weight in weights.items() if not weight]
    return sorted(wanted, key=score, reverse=True) + spares
