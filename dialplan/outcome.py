"""What becomes of a call, as the configuration says it: one action, and what goes with it."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from dialplan.entry import ReferEntry, is_uri
from dialplan.number import normalize
from dialplan.part import Part
from dialplan.template import Template

ACTIONS = ("agent", "agents", "split", "reject", "redirect", "forward", "transfer", "prompt")
"""A prompt may go before some of the others; alone it is an action of its own."""

_TO_AGENTS = frozenset({"agent", "agents", "split"})
_ANSWERED = _TO_AGENTS | {"transfer", "prompt"}
_GOES_WITH = {
    "prompt": _ANSWERED | {"reject"},
    "prompt_times": _ANSWERED | {"reject"},
    "hangup_cause": frozenset({"prompt"}),
    "variables": _TO_AGENTS,
    "language": _TO_AGENTS,
    "ring_secs": _ANSWERED,
    "early_media": _TO_AGENTS,
    "accept_refer": _TO_AGENTS,
    "accept_replaces": _TO_AGENTS,
    "max_duration_secs": _ANSWERED,
    "max_calls": _ANSWERED,
    "calls_per_minute": _ANSWERED,
}
"""Keys that would have no effect with another action."""

PLACE = re.compile(r"\{[^{}]*\}")


def _template(text: str) -> str:
    Template.parse(text)
    return text


def _target(text: str) -> str:
    if Template.parse(text).headers:
        raise ValueError("a header's text, which is the caller's, must not choose where it goes")
    # A place may become any number, such as 0.
    if text and not is_target(PLACE.sub("0", text)):
        raise ValueError("must be a number or a SIP address, such as sip:desk@pbx.example.net")
    return text


def is_target(text: str) -> bool:
    """A number, or the URI of someone else."""
    if is_uri(text):
        return True
    try:
        return normalize(text) == text
    except ValueError:
        return False


AgentName = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=256), AfterValidator(_template)]
Target = Annotated[str, Field(max_length=256), AfterValidator(_target)]
VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Weight = Annotated[int, Field(ge=0, le=1000)]


class Outcome(Part):
    agent: AgentName = Field("", examples=["parrot"])
    """Name of the agent that answers."""

    agents: tuple[AgentName, ...] = Field((), max_length=16)
    """Names of agents in the order in which they are tried: the next when one is full or down."""

    split: dict[AgentName, Weight] = Field({}, max_length=16)
    """Agents and their weights: each caller gets one of them, and the same each time."""

    reject: int | None = Field(None, ge=400, le=699, examples=[404])
    """SIP code of the refusal (RFC 3261 section 21.4 to 21.6)."""

    redirect: Target = Field("", examples=["1001"])
    """Number or SIP address that the caller's side is told to call instead (302)."""

    forward: AgentName = ""
    """Name of the trunk at which the caller's side is told to call the same number (302)."""

    prompt: str = Field("", max_length=4096, examples=["closed.wav"])
    """WAV file that is played when the call is answered, before `agent`, `agents`, `split` or
    `transfer`; alone, the call ends after it. With `reject` it is played without an answer (183),
    which no network charges. From the folder of the configuration file."""

    prompt_times: int = Field(1, ge=1, le=10)
    """How often the prompt is played, with a second between."""

    hangup_cause: int = Field(16, ge=1, le=127)
    """Cause (Q.850) in the Reason of the BYE after a prompt that nothing follows."""

    transfer: Target = Field("", examples=["1001"])
    """Number or SIP address that the answered call is transferred to (REFER), if the outbound
    rules allow it."""

    variables: dict[VariableName, Text] = Field({}, max_length=16)
    """Facts told to the agent as headers of the call; `{called}` and the like are filled in."""

    language: Text = ""
    """The variable `language`, which most routes need."""

    ring_secs: float = Field(0.0, ge=0, le=60)
    """The phone rings for at least so long before it is answered."""

    early_media: Literal["none", "ringback", "greeting"] = "none"
    """What the caller hears before the answer: what its own side makes of 180, a ringback tone of
    ours, or the agent's greeting (both 183). Needs `ring_secs`, which is how long it lasts."""

    accept_refer: tuple[ReferEntry, ...] = Field((), max_length=1000)
    """Numbers, patterns (with a `_`) and SIP addresses that the caller's side may send the agent on
    to (REFER), if the outbound rules allow them too; none: it may not."""

    accept_replaces: bool = False
    """The trunk may put another call in the place of this one (an INVITE with Replaces)."""

    max_duration_secs: float = Field(0.0, ge=0, le=86_400)
    """The answered call ends after so long; 0: only the limit of all calls counts."""

    max_calls: int = Field(0, ge=0, le=10_000)
    """Calls at once that came this way; one more gets 486. 0: no limit."""

    calls_per_minute: int = Field(0, ge=0, le=10_000)
    """Calls that may come this way within any minute; one more gets 503. 0: no limit."""

    @property
    def action(self) -> str:
        """The key of the action; `prompt` when nothing else follows the prompt."""
        return next(key for key in ACTIONS if self._has(key))

    def agents_used(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Every agent that is named, with the path of the key that names it."""
        found: list[tuple[tuple[str | int, ...], str]] = []
        if self.agent:
            found.append((("agent",), self.agent))
        found += [(("agents", index), agent) for index, agent in enumerate(self.agents)]
        return found + [(("split", agent), agent) for agent in self.split]

    def templates(self) -> list[tuple[str, str]]:
        """Keys and texts that have places."""
        texts = [("redirect", self.redirect), ("transfer", self.transfer)]
        texts += [("language", self.language)]
        return texts + [("variables", text) for text in self.variables.values()]

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        found = [key for key in ACTIONS if self._has(key)]
        decisive = [key for key in found if key != "prompt"] or found
        if len(decisive) != 1:
            which = f", not {' and '.join(found)}" if found else ""
            raise ValueError(f"needs one action of {', '.join(ACTIONS)}{which}")
        if self.split and not any(self.split.values()):
            raise ValueError("split needs a weight above 0")
        if not all(self.agents):
            raise ValueError("agents holds an empty name")
        if self.language and "language" in self.variables:
            raise ValueError("language is given twice, also as a variable")
        self._everything_has_an_effect(decisive[0])
        return self

    def _everything_has_an_effect(self, action: str) -> None:
        for key, actions in _GOES_WITH.items():
            if key not in self.model_fields_set or self._is_default(key):
                continue
            if action not in actions:
                raise ValueError(f"{key} has no effect with {action}: take it out")
        if not self.prompt and not self._is_default("prompt_times"):
            raise ValueError("prompt_times has no effect without prompt: take it out")

    def _is_default(self, key: str) -> bool:
        return bool(getattr(self, key) == type(self).model_fields[key].default)

    def _has(self, key: str) -> bool:
        value = getattr(self, key)
        return value is not None if key == "reject" else bool(value)
