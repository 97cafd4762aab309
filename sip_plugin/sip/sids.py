"""Names of calls."""

import secrets


def new_sid() -> str:
    """A name that no other call of any process has, short enough for log lines."""
    return secrets.token_hex(8)
