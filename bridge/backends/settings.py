"""What a dialect of the Realtime family is configured with."""

from dataclasses import dataclass

from bridge.backends.interface import Capabilities, Message


@dataclass(frozen=True, slots=True)
class Settings:
    """What a dialect of this family differs in, and what is configured. Times in seconds."""

    capabilities: Capabilities
    session: Message
    """The `session` of `session.update`."""
    greeting: str | None = None
    """Instructions of the first reply, made as soon as the phone is answered; None: none is."""
    no_input: str = ""
    """Instructions for when nobody has spoken for long; empty: nothing is said."""
    preroll_ms: int = 2500
    max_turn_secs: float = 120.0
    max_reply_secs: float = 110.0
    session_timeout_secs: float = 5.0
    reply_timeout_secs: float = 15.0
