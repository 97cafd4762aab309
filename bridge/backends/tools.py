"""Functions that act on the call itself, offered to the model under these names."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bridge.backends.fields import plain
from bridge.backends.interface import Message
from bridge.backends.options import ToolOptions

MAX_ARGUMENTS = 32 * 1024
_TARGET = re.compile(r"[A-Za-z0-9.!%*_+`'~@:;=?&/()#-]{1,200}")
_DIGITS = re.compile(r"[0-9A-D*#]{1,32}")


@dataclass(frozen=True, slots=True)
class Hangup:
    reason: str


@dataclass(frozen=True, slots=True)
class Transfer:
    target: str


@dataclass(frozen=True, slots=True)
class SendDtmf:
    digits: str


Action = Hangup | Transfer | SendDtmf


def _text(description: str) -> Message:
    return {"type": "string", "description": description}


def _schema(description: str, required: str, **properties: Message) -> Message:
    parameters: Message = {
        "type": "object",
        "properties": properties,
        "required": [required] if required else [],
        "additionalProperties": False,
    }
    return {"description": description, "parameters": parameters}


_BUILT_IN = {
    "hangup": _schema(
        "End the phone call. Say goodbye first; the call ends when your words were heard.",
        "",
        reason=_text("Why the call ends, in a few words, for the call's record."),
    ),
    "transfer": _schema(
        "Transfer the caller to another phone. Tell the caller first.",
        "target",
        target=_text("The number, extension or name to transfer to; no SIP address."),
    ),
    "send_dtmf": _schema(
        "Press keys on the phone's keypad, for instance in a voice menu.",
        "digits",
        digits=_text("The keys to press, in order: 0-9, *, #, A-D."),
    ),
}


def definitions(
    built_in: tuple[str, ...], functions: tuple[ToolOptions, ...], allowed: Collection[str]
) -> list[Message]:
    """The functions as the Realtime API takes them; of those built in, the ones that the plugin
    allows."""
    offered = {name: _BUILT_IN[name] for name in built_in if name in allowed} | {
        f.name: {"description": f.description, "parameters": f.parameters} for f in functions
    }
    return [{"type": "function", "name": name, **what} for name, what in offered.items()]


def arguments_of(text: str) -> dict[str, Any]:
    """The arguments of a function call. Raises ValueError with words for the model."""
    if len(text) > MAX_ARGUMENTS:
        raise ValueError(f"the arguments have more than {MAX_ARGUMENTS} characters")
    try:
        arguments = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise ValueError("the arguments are not JSON") from None
    if not isinstance(arguments, dict):
        raise ValueError("the arguments are no JSON object")
    return arguments


def action_of(name: str, arguments: dict[str, Any]) -> Action:
    """What a built-in function asks for. Raises ValueError with words for the model."""
    match name:
        case "hangup":
            return Hangup(plain(str(arguments.get("reason") or ""))[:200])
        case "transfer":
            return Transfer(_matching(arguments, "target", _TARGET, "a number or SIP address"))
        case "send_dtmf":
            return SendDtmf(_matching(arguments, "digits", _DIGITS, "1 to 32 of 0-9 A-D * #"))
    raise ValueError(f"there is no function {name[:64]}")


def _matching(arguments: dict[str, Any], key: str, pattern: re.Pattern[str], what: str) -> str:
    value = arguments.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{key} must be {what}")
    return value
