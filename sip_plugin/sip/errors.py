"""What goes wrong on the SIP side."""


class StackError(Exception):
    """The SIP stack refused: what was asked, and its reason."""
