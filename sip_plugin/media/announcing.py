"""A prompt on one call: awaited, then heard instead of the agent or before it."""

from sip_plugin.media.prompt import Prompt, PromptFrame, Sound
from sip_plugin.media.wavefile import NotPlayable
from sip_plugin.planes.messages import PromptSpec


class Announcing:
    def __init__(self) -> None:
        self._awaited: PromptSpec | None = None
        self._prompt: Prompt | None = None

    @property
    def active(self) -> bool:
        """The phone hears the prompt, and nobody hears the phone."""
        return self._prompt is not None

    @property
    def speaks(self) -> bool:
        """The next frame is sound."""
        return self._prompt is not None and self._prompt.waiting

    def await_file(self, prompt: PromptSpec) -> None:
        """It is being read; `begin` follows."""
        self._awaited = prompt

    def begin(self, found: Sound | NotPlayable) -> bool:
        """The file was read. False when nobody waits for it any more.

        Raises NotPlayable, with its path, when it cannot be played.
        """
        spec, self._awaited = self._awaited, None
        if spec is None:
            return False
        if isinstance(found, NotPlayable):
            raise NotPlayable(f"{spec.file} {found}")
        self._prompt = Prompt(found, spec.times)
        return True

    def pull(self, rate_hz: int) -> PromptFrame | None:
        """The frame for this slot, for a phone that takes 8000 or 16000 Hz; None is silence."""
        return None if self._prompt is None else self._prompt.pull(rate_hz)

    def ends(self) -> bool:
        """Whether it is over, told once."""
        if self._prompt is None or not self._prompt.over:
            return False
        self._prompt = None
        return True
