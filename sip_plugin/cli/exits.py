"""Exit codes of all commands; docs/operations.md lists them."""

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    ERROR = 1
    """It could not do its work; the message says why."""
    USAGE = 2
    """Wrong options, or a configuration file with faults."""
    CALL_FAILED = 3
    """The call was refused or failed."""
    NO_ANSWER = 4
    """The phone rang and nobody answered."""
    NO_PLUGIN = 5
    """There is no running plugin to ask."""
