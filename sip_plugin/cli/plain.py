"""Text of strangers (a SIP peer, a model, a called name) on a terminal."""


def plain(text: str) -> str:
    """The text without what would steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
