"""What the caller says in one go."""

from dataclasses import dataclass


@dataclass(slots=True)
class Utterance:
    """Bursts of speech with gaps too short to end a turn between them."""

    began_ms: int
    first_seq: int
    contested: bool
    """It began while the agent had the floor, and only a confirmed barge-in makes it a turn."""
    overlapped: bool
    """It began while the agent had the floor, and has not stopped it: too short, it never counts,
    also when the agent has come to its end since."""
    speech_ms: int = 0
    end_ms: int = 0
    """Sample clock at the end of its last frame of speech."""
    turn: int = 0
    """0 until it is primed."""
    interrupts: bool = False
    """It has stopped the agent."""
