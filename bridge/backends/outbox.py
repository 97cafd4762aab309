"""Messages for a Realtime server, in order, and what each was for: errors name it by its id."""

import base64
from collections import OrderedDict

from bridge.backends.interface import Message

MAX_NAMES = 64
"""Ids of the server and of ours that are remembered."""


def remember(names: "OrderedDict[str, object]", name: str, value: object) -> None:
    """The oldest are forgotten."""
    names[name] = value
    while len(names) > MAX_NAMES:
        names.popitem(last=False)


def message_item(role: str, text: str) -> Message:
    content = {"type": "input_text" if role == "user" else "output_text", "text": text}
    return {"type": "message", "role": role, "content": [content]}


class Outbox:
    """Nothing but the settings goes out before `ready` is set."""

    def __init__(self) -> None:
        self.ready = False
        self._out: list[Message] = []
        self._ids = 0
        self._sent: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def reset(self) -> None:
        """There is another connection."""
        self.ready = False
        self._out.clear()
        self._sent.clear()

    def send(self, kind: str, turn: int, **rest: object) -> None:
        if not self.ready and kind != "session.update":
            return
        self._ids += 1
        event_id = f"gw_{self._ids}"
        remember(self._sent, event_id, (kind, turn))
        self._out.append({"type": kind, "event_id": event_id, **rest})

    def append(self, data: bytes) -> None:
        """The caller's audio."""
        encoded = base64.b64encode(data).decode()
        self._out.append({"type": "input_audio_buffer.append", "audio": encoded})

    def say(self, turn: int, role: str, text: str) -> None:
        """A line of the conversation; `role` is `user` or `assistant`."""
        self.send("conversation.item.create", turn, item=message_item(role, text))

    def take(self) -> list[Message]:
        out, self._out = self._out, []
        return out

    def cause(self, event_id: str) -> tuple[str, int]:
        """Kind and turn of a message of ours; an empty kind if it is not known."""
        return self._sent.pop(event_id, ("", 0))
