"""A short run in CI; the long one is `python -m tests.fuzz.wire` (docs/testing.md)."""

import uvloop

from tests.fuzz.gateway import WAYS
from tests.fuzz.wire import CALLS, attacked

ROUNDS = 12
MEMORY_KB = 24 * 1024
"""By which it may grow; each round is offered several times that."""


def test_the_call_beside_it_is_answered_and_memory_is_bounded():
    outcome = uvloop.run(attacked(ROUNDS, seed=20261123))
    assert outcome.turns == 2 * ROUNDS
    assert outcome.heard >= 0.9 * outcome.turns
    assert outcome.faults == []
    assert set(outcome.calls) == set(WAYS)
    assert sum(outcome.calls.values()) == CALLS * ROUNDS
    assert outcome.memory_kb[-1] - outcome.memory_kb[1] < MEMORY_KB
    # It was found out in more than one way; in which depends on what of it arrives first.
    assert {"malformed_message", "protocol_violation"} <= set(outcome.failed)
