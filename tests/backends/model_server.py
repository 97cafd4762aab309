"""A Realtime server that forgives nothing: every message is held against the typed models and
against the order that the API's reference gives. Core without I/O; written, not recorded."""

import base64
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.backends.strict import CLIENT, SERVER, check

BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}


@dataclass
class Answer:
    """What the model does when it is asked."""

    audio: bytes = b""
    words: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    status: str = "completed"
    error: str = ""
    hold: bool = False
    """Stays open after the audio, until it is cancelled or finished by hand."""


class ModelServer:
    """`receive` takes what the client says and returns what the server says."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = deque(answers)
        self.heard: list[dict[str, Any]] = []
        """Client messages, but for audio."""
        self.session: dict[str, Any] = {}
        self.buffer = b""
        self.turns: list[bytes] = []
        """Committed audio."""
        self.items: dict[str, dict[str, Any]] = {}
        self.audio_ms: dict[str, float] = {}
        self.truncated: dict[str, int] = {}
        self.active: dict[str, Any] | None = None
        self._ids = itertools.count(1)

    expires_at = 0
    """Told with the session, unless 0."""

    def greet(self) -> list[dict]:
        session = {"type": "realtime", "model": "gpt-realtime"}
        said = self._say("session.created", session=session)
        if self.expires_at:
            # Of the session object in RealtimeSessionCreateResponse; the event's model lacks it.
            said["session"]["expires_at"] = self.expires_at
        return [said]

    def receive(self, message: dict) -> list[dict]:
        check(CLIENT, message)
        kind = message["type"]
        if kind != "input_audio_buffer.append":
            self.heard.append(message)
        assert self.session or kind == "session.update", f"{kind} before session.update"
        return getattr(self, "_" + kind.replace(".", "_"))(message)

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.heard]

    def of(self, kind: str) -> list[dict]:
        return [message for message in self.heard if message["type"] == kind]

    # --- the client's messages ---------------------------------------------------------------

    def _session_update(self, message):
        audio = message["session"]["audio"]
        assert message["session"]["type"] == "realtime"
        assert audio["input"]["turn_detection"] is None
        assert "turn_detection" in audio["input"]
        self.session = message["session"]
        self.bytes_per_ms = BYTES_PER_MS[audio["input"]["format"]["type"]]
        return [self._say("session.updated", session=self.session)]

    def _input_audio_buffer_append(self, message):
        self.buffer += base64.b64decode(message["audio"], validate=True)
        return []

    def _input_audio_buffer_clear(self, message):
        self.buffer = b""
        return [self._say("input_audio_buffer.cleared")]

    def _input_audio_buffer_commit(self, message):
        if len(self.buffer) < 100 * self.bytes_per_ms:
            return [self._error("input_audio_buffer_commit_empty", message)]
        self.turns.append(self.buffer)
        self.buffer = b""
        item = self._add({"type": "message", "role": "user", "content": [{"type": "input_audio"}]})
        said = [
            self._say("input_audio_buffer.committed", item_id=item["id"]),
            self._say("conversation.item.added", item=item),
            self._say("conversation.item.done", item=item),
        ]
        if "transcription" in self.session["audio"]["input"]:
            said.append(
                self._say(
                    "conversation.item.input_audio_transcription.completed",
                    item_id=item["id"],
                    content_index=0,
                    transcript=f"turn {len(self.turns)}",
                    usage={"type": "duration", "seconds": 1.0},
                )
            )
        return said

    def _conversation_item_create(self, message):
        item = self._add(dict(message["item"]))
        return [
            self._say("conversation.item.added", item=item),
            self._say("conversation.item.done", item=item),
        ]

    def _conversation_item_truncate(self, message):
        item_id, end = message["item_id"], message["audio_end_ms"]
        assert item_id in self.items, "truncates an item that is not there"
        assert 0 <= end <= self.audio_ms[item_id], "truncates beyond the audio"
        self.truncated[item_id] = end
        return [
            self._say(
                "conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=end
            )
        ]

    def _response_cancel(self, message):
        active = self.active
        if active is None or message.get("response_id", active["id"]) != active["id"]:
            return [self._error("response_cancel_not_active", message)]
        return self.finish("cancelled")

    def _response_create(self, message):
        if self.active is not None:
            return [self._error("conversation_already_has_active_response", message)]
        answer = self.answers.popleft() if self.answers else Answer()
        metadata = message.get("response", {}).get("metadata", {})
        self.active = {"id": f"resp_{next(self._ids)}", "metadata": metadata, "output": []}
        said = [self._say("response.created", response=self._response("in_progress"))]
        if answer.audio or answer.words:
            said += self._speak(answer)
        for index, (name, arguments) in enumerate(answer.calls, 1):
            said += self._call(index, name, arguments)
        if answer.hold:
            return said
        return said + self.finish(answer.status, answer.error)

    # --- the server's ------------------------------------------------------------------------

    def _speak(self, answer: Answer) -> list[dict]:
        item = self._add(
            {"type": "message", "role": "assistant", "content": [], "status": "in_progress"}
        )
        where = {
            "response_id": self.active["id"],
            "item_id": item["id"],
            "output_index": 0,
            "content_index": 0,
        }
        part = {"type": "audio", "transcript": ""}
        said = [
            self._say(
                "response.output_item.added",
                item=item,
                output_index=0,
                response_id=self.active["id"],
            ),
            self._say("conversation.item.added", item=item),
            self._say("response.content_part.added", part=part, **where),
        ]
        for word in answer.words.split():
            said.append(
                self._say("response.output_audio_transcript.delta", delta=f"{word} ", **where)
            )
        self.audio_ms[item["id"]] = len(answer.audio) / self.bytes_per_ms
        for start in range(0, len(answer.audio), 4801):  # an odd size: pieces split samples
            delta = base64.b64encode(answer.audio[start : start + 4801]).decode()
            said.append(self._say("response.output_audio.delta", delta=delta, **where))
        if not answer.hold:
            said.append(self._say("response.output_audio.done", **where))
            said.append(
                self._say("response.output_audio_transcript.done", transcript=answer.words, **where)
            )
        return said

    def _call(self, index: int, name: str, arguments: str) -> list[dict]:
        item = self._add(
            {
                "type": "function_call",
                "name": name,
                "arguments": "",
                "call_id": f"call_{next(self._ids)}",
                "status": "in_progress",
            }
        )
        response_id = self.active["id"]
        return [
            self._say(
                "response.output_item.added", item=item, output_index=index, response_id=response_id
            ),
            self._say(
                "response.function_call_arguments.done",
                response_id=response_id,
                item_id=item["id"],
                output_index=index,
                call_id=item["call_id"],
                name=name,
                arguments=arguments,
            ),
        ]

    def finish(self, status: str = "completed", error: str = "") -> list[dict]:
        """The active response ends."""
        response = self._response(status)
        response["usage"] = {
            "total_tokens": 30,
            "input_tokens": 10,
            "output_tokens": 20,
            "input_token_details": {"audio_tokens": 8, "text_tokens": 2, "cached_tokens": 0},
            "output_token_details": {"audio_tokens": 15, "text_tokens": 5},
        }
        if error:
            what = {"type": "server_error", "code": error}
            response["status_details"] = {"type": "failed", "error": what}
        self.active = None
        return [self._say("response.done", response=response)]

    def _response(self, status: str) -> dict:
        return {
            "id": self.active["id"],
            "object": "realtime.response",
            "status": status,
            "output": [],
            "metadata": self.active["metadata"] or None,
        }

    def error(self, code: str) -> dict:
        return self._say("error", error={"type": "server_error", "code": code, "message": "sorry"})

    def _error(self, code: str, about: dict) -> dict:
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": "no",
            "event_id": about["event_id"],
        }
        return self._say("error", error=error)

    def _add(self, item: dict) -> dict:
        item = {"id": f"item_{next(self._ids)}", "object": "realtime.item", **item}
        self.items[item["id"]] = item
        return item

    def _say(self, kind: str, **fields: Any) -> dict:
        return check(SERVER, {"type": kind, "event_id": f"event_{next(self._ids)}", **fields})
