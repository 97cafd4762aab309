"""What goes wrong on the SIP side."""

import logging
import traceback


class StackError(Exception):
    """The SIP stack refused: what was asked, and its reason."""


def log_fault(log: logging.Logger, what: str, *arguments: object) -> None:
    """Log the exception being handled as text.

    A record with the exception itself may be kept, and with it the frames' calls of the stack,
    whose end after the stack's own aborts the process.
    """
    log.error(what + "\n%s", *arguments, traceback.format_exc())
