"""vLLM-Omni's older realtime endpoint, forgiving nothing: unknown fields, wrong types, and whatever
that server would ignore, refuse or throw away are failures. Core without I/O.

Written from the project's public sources: one generation at a time, which reads audio until it is
told that the turn has ended; audio that comes after that is thrown away when it ends.
"""

import base64
import itertools
from collections import deque
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Update(_Strict):
    type: Literal["session.update"]
    model: str


class _Append(_Strict):
    type: Literal["input_audio_buffer.append"]
    audio: str = Field(min_length=4)


class _Commit(_Strict):
    type: Literal["input_audio_buffer.commit"]
    final: bool


CLIENT: TypeAdapter[_Update | _Append | _Commit] = TypeAdapter(
    Annotated[_Update | _Append | _Commit, Field(discriminator="type")]
)


@dataclass
class Said:
    """What the model says to a turn. `audio` is PCM16 at `rate_hz`."""

    audio: bytes = b""
    words: str = ""
    early: bytes = b""
    """Said before it knows that the turn has ended."""
    rate_hz: int = 24_000
    error: str = ""
    hold: bool = False
    """Goes on for ever."""


class TurnsServer:
    """`receive` takes what the client says and returns what the server says."""

    def __init__(self, *answers: Said) -> None:
        self.answers = deque(answers)
        self.model = ""
        self.turns: list[bytes] = []
        """Audio of the turns that have ended, PCM16 at 16 kHz."""
        self.heard: list[str] = []
        """Kinds of the client's messages; a commit with its `final`, appends once in a row."""
        self._answer: Said | None = None
        """Of the generation that runs."""
        self._final = False
        self._audio = b""
        self._ids = itertools.count(1)

    def greet(self) -> list[dict]:
        return [{"type": "session.created", "id": f"sess-{next(self._ids)}", "created": 1}]

    def receive(self, raw: dict) -> list[dict]:
        message = CLIENT.validate_python(raw)
        match message:
            case _Update(model=model):
                assert not self.model, "the model is named once"
                self.model = model
                self.heard.append("update")
                return []
            case _Append(audio=audio):
                return self._on_audio(base64.b64decode(audio, validate=True))
            case _Commit(final=final):
                self.heard.append(f"commit {final}")
                assert self.model, "a commit before the model is named is refused"
                return self._finish() if final else self._begin()

    def _on_audio(self, audio: bytes) -> list[dict]:
        assert len(audio) % 2 == 0, "half a sample is no audio"
        assert not self._final, "audio behind the end of a turn is thrown away"
        if self.heard[-1:] != ["append"]:
            self.heard.append("append")
        self._audio += audio
        answer = self._answer
        if answer is None or not answer.early:
            return []
        said, answer.early = self._speak(answer.early, answer.rate_hz), b""
        return said

    def _begin(self) -> list[dict]:
        assert self._answer is None, "a generation runs: another commit is ignored"
        self._answer = self.answers.popleft() if self.answers else Said()
        return []

    def _finish(self) -> list[dict]:
        answer = self._answer
        assert answer is not None and not self._final, "no generation waits for its end"
        assert self._audio, "a turn without audio cannot be answered"
        self._final = True
        self.turns.append(self._audio)
        said = [self._words(word) for word in answer.words.split()]
        said += self._speak(answer.audio, answer.rate_hz)
        return said if answer.hold else said + self.finish()

    def finish(self) -> list[dict]:
        """The generation ends."""
        answer, self._answer = self._answer, None
        assert answer is not None
        self._final, self._audio = False, b""
        has_audio = bool(answer.audio or answer.early)
        if answer.error:
            failed = {"type": "error", "error": answer.error, "code": "processing_error"}
            return [failed, {"type": "response.audio.done", "has_audio": has_audio}]
        usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
        text = "".join(f"{word} " for word in answer.words.split())
        return [
            {"type": "transcription.done", "text": text, "usage": usage},
            {"type": "response.audio.done", "has_audio": has_audio},
        ]

    def _words(self, word: str) -> dict[str, Any]:
        return {"type": "transcription.delta", "delta": f"{word} "}

    def _speak(self, audio: bytes, rate_hz: int) -> list[dict]:
        size = rate_hz // 5 * 2
        pieces = (audio[start : start + size] for start in range(0, len(audio), size))
        return [
            {
                "type": "response.audio.delta",
                "audio": base64.b64encode(piece).decode(),
                "format": "pcm16",
                "sample_rate_hz": rate_hz,
            }
            for piece in pieces
        ]
