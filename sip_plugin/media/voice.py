"""Whose voice the phone hears in a slot: a prompt's, the agent's, or before the answer a tone.
Core without a clock: one frame a slot."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bridge.call import CallBridge
from bridge.playout import PlayoutFrame
from sip_plugin.media.announcing import Announcing
from sip_plugin.media.codecs import SILENCE
from sip_plugin.media.prompt import PromptFrame
from sip_plugin.media.ringback import Ringback

Early = Literal["none", "ringback", "greeting", "prompt"]
"""What the caller hears before the answer."""


class Voice:
    def __init__(self) -> None:
        self.prompt = Announcing()
        self.early: str = "none"
        self._ringback = Ringback()
        self._cuts_agent = False
        """The next frame is the agent's last, fading out."""

    def waits(self, bridge: CallBridge) -> bool:
        """Whoever speaks to the phone has a frame ready."""
        return self.prompt.speaks if self.prompt.active else bridge.playout.waiting

    def cut(self, bridge: CallBridge) -> None:
        """The prompt begins: the agent is silenced within a frame."""
        self._cuts_agent = bool(bridge.playout.cancel())

    def next(
        self, bridge: CallBridge, rate_hz: int, on_hold: bool, now: float
    ) -> PlayoutFrame | PromptFrame | None:
        """The slot's frame, at `rate_hz` where the source has that; None is silence."""
        if not self.prompt.active or self._cuts_agent:
            self._cuts_agent = False
            return bridge.speak(now)
        return None if on_hold else self.prompt.pull(rate_hz)

    def next_early(
        self, bridge: CallBridge, rate_hz: int, now: float
    ) -> tuple[NDArray[np.int16], bool]:
        """The slot's frame before the answer, and whether somebody speaks in it."""
        frame: PlayoutFrame | PromptFrame | None = None
        match self.early:
            case "greeting":
                frame = bridge.speak(now)
            case "prompt":
                frame = self.prompt.pull(rate_hz)
            case "ringback":
                return self._ringback.pull(rate_hz), False
        return (SILENCE, False) if frame is None else (frame.pcm, True)
