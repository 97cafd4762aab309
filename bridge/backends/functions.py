"""Functions that a model calls: those built in, which act on the call, and those of the user."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.backends.tools import Action, SendDtmf, action_of, arguments_of
from bridge.gateway.agent import CallInfo

Function = Callable[[CallInfo, dict[str, Any]], Awaitable[str]]
"""Answers a function call of the model: the call and the arguments in, the result out."""

MAX_RESULT = 32 * 1024
DONE = json.dumps({"ok": True})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    result: str
    """For the model."""
    reply: bool
    """The model should speak about it."""
    action: Action | None = None
    """What is to be done to the call: keys at once, the others when the model's words are over."""


class Functions:
    """Of one call: the built-in ones are those that the plugin allows as well."""

    def __init__(
        self, info: CallInfo, built_in: Sequence[str], functions: Mapping[str, Function]
    ) -> None:
        self._info = info
        self._built_in = info.tools.intersection(built_in)
        self._functions = functions

    async def run(self, name: str, arguments: str) -> Outcome:
        """What goes wrong is told to the model, which can tell the caller."""
        try:
            given = arguments_of(arguments)
            if name in self._built_in:
                action = action_of(name, given)
                return Outcome(DONE, isinstance(action, SendDtmf), action)
            function = self._functions.get(name)
            if function is None:
                raise ValueError(f"there is no function {name[:64]}")
            return Outcome((await function(self._info, given))[:MAX_RESULT], True)
        except ValueError as error:
            return Outcome(json.dumps({"error": str(error)})[:MAX_RESULT], True)
        except Exception:
            log.exception("call %s: function %s", self._info.sid, name)
            return Outcome(json.dumps({"error": "the function failed"}), True)
