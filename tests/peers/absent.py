"""What happens when a peer is not there: a skip that says how to get it, or, in CI, a failure."""

import os
from typing import NoReturn

import pytest

PEERS_REQUIRED = os.environ.get("SIP_PLUGIN_REQUIRE_PEERS", "") not in ("", "0")
"""Set in CI: a test that would skip fails instead."""


def absent(peer: str, why: str, how: str = "run scripts/install-peers as root") -> NoReturn:
    """End the test: `peer` is not to be had here."""
    message = f"{peer} is absent: {why}; to get it: {how}"
    if PEERS_REQUIRED:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
