"""vLLM-Omni's GA-style endpoint: the strict server, with that project's own ways.

Written from its public sources: it takes the official typed models too; knows PCM at 24 kHz only;
has no transcripts of the caller; tells no cause of an error but `invalid_request_error`; and lets a
new response take the place of one that is open.
"""

import base64

from tests.backends.model_server import ModelServer


class VllmServer(ModelServer):
    def greet(self) -> list[dict]:
        conversation = {"id": "conv_1", "object": "realtime.conversation"}
        return [*super().greet(), self._say("conversation.created", conversation=conversation)]

    def _session_update(self, message):
        audio = message["session"]["audio"]
        for part in ("input", "output"):
            assert audio[part]["format"] == {"type": "audio/pcm", "rate": 24_000}
        assert "transcription" not in audio["input"], "it has none"
        assert "speed" not in audio["output"], "it has one"
        return super()._session_update(message)

    def _input_audio_buffer_append(self, message):
        data = base64.b64decode(message["audio"], validate=True)
        assert data and len(data) % 2 == 0, "whole samples only"
        self.buffer += data
        return []

    def _response_cancel(self, message):
        active = self.active
        if active is None or message.get("response_id", active["id"]) != active["id"]:
            return [self._error("invalid_request_error", message)]
        return self.finish("cancelled")

    def _response_create(self, message):
        if self.session.get("tools") and not self.parses_tools:
            return [self._error("invalid_request_error", message)]
        ended = self.finish("cancelled") if self.active is not None else []
        return ended + super()._response_create(message)

    parses_tools = True
    """It was started with --enable-auto-tool-choice and a parser."""

    def _call(self, index: int, name: str, arguments: str) -> list[dict]:
        added, done = super()._call(index, name, arguments)
        half = len(arguments) // 2
        where = {key: done[key] for key in ("response_id", "item_id", "output_index", "call_id")}
        pieces = [
            self._say("response.function_call_arguments.delta", delta=piece, **where)
            for piece in (arguments[:half], arguments[half:])
        ]
        # The item has told the name already.
        return [added, *pieces, done | {"name": ""}]
