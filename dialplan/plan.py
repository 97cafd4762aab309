"""The dialplan as the configuration states it: `[dialplan]` and what is within."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from dialplan import pattern, regex
from dialplan.entry import Entry
from dialplan.hours import Times
from dialplan.limits import Limits
from dialplan.number import normalize
from dialplan.outbound import Outbound
from dialplan.outcome import Outcome
from dialplan.part import Part
from dialplan.template import Template

if TYPE_CHECKING:
    from dialplan.engine import Dialplan

Path = tuple[str | int, ...]

CONDITIONS = (
    "number",
    "prefix",
    "pattern",
    "regex",
    "trunks",
    "callers",
    "caller_regex",
    "anonymous",
    "headers",
    "headers_regex",
    "during",
    "outside",
)
_NUMBER_CONDITIONS = CONDITIONS[:4]


def _number(text: str) -> str:
    return normalize(text) if text else text


def _pattern(text: str) -> str:
    if text:
        pattern.parse(text)
    return text


def _regex(text: str) -> str:
    if text:
        regex.compiled(text)
    return text


Regex = Annotated[str, Field(max_length=256), AfterValidator(_regex)]
HeaderName = Annotated[str, Field(pattern=r"^[Xx]-[A-Za-z0-9-]{1,62}$")]
Name = Annotated[str, Field(max_length=64)]


class Route(Outcome):
    """All of the conditions must hold; the first route whose conditions do decides."""

    name: str = Field("", pattern=r"^[A-Za-z0-9_ .-]{0,64}$")
    """What decisions and logs call it besides its place."""

    number: Annotated[str, AfterValidator(_number)] = Field("", examples=["+15551234567"])
    """The called number or name, exactly; stored normalised."""

    prefix: Annotated[str, AfterValidator(_number)] = Field("", examples=["+1555"])
    """What the called number begins with."""

    pattern: Annotated[str, AfterValidator(_pattern)] = Field("", examples=["_+1NXXNXXXXXX"])
    """Asterisk's pattern that the called number has."""

    regex: Regex = Field("", examples=[r"\+1555(\d{4})"])
    """Regular expression that the whole called number matches."""

    trunks: tuple[Name, ...] = Field((), max_length=16)
    """The call comes from one of these trunks."""

    callers: tuple[Entry, ...] = Field((), max_length=10_000)
    """The caller's number is one of these, or has one of these patterns (with a `_`)."""

    caller_regex: Regex = ""
    """Regular expression that the whole caller's number matches."""

    anonymous: bool | None = None
    """The caller withholds the number, or does not."""

    headers: dict[HeaderName, Annotated[str, Field(max_length=256)]] = Field({}, max_length=16)
    """X- headers of the INVITE and their whole values."""

    headers_regex: dict[HeaderName, Regex] = Field({}, max_length=16)
    """X- headers of the INVITE and regular expressions that their whole values match."""

    during: tuple[Name, ...] = Field((), max_length=16)
    """One of these `[dialplan.times.NAME]` is open."""

    outside: tuple[Name, ...] = Field((), max_length=16)
    """None of these `[dialplan.times.NAME]` is open."""

    @property
    def conditions(self) -> list[str]:
        """The keys of its conditions."""
        return [key for key in CONDITIONS if getattr(self, key) not in ("", (), {}, None)]

    @property
    def groups(self) -> frozenset[str]:
        """What the groups of its expressions are called in templates."""
        found: set[str] = set()
        for expression in (self.regex, self.caller_regex):
            if expression:
                compiled = regex.compiled(expression)
                found |= {*compiled.names, *map(str, range(1, compiled.groups + 1))}
        return frozenset(found)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        of_number = [key for key in _NUMBER_CONDITIONS if getattr(self, key)]
        if len(of_number) > 1:
            raise ValueError(f"has {' and '.join(of_number)}: one says which numbers are meant")
        if not self.conditions:
            raise ValueError(
                "has no condition; say which calls it is for, or use [dialplan.default] for all"
            )
        for key, text in self.templates():
            for name in Template.parse(text).unknown(self.groups):
                raise ValueError(
                    f"{key} has a place that nothing fills; there are called, caller, trunk, "
                    f"header.NAME{''.join(f', {group}' for group in sorted(self.groups))}"
                    if name
                    else ""
                )
        return self


class Default(Outcome):
    """What becomes of a call that no route matches."""

    @model_validator(mode="after")
    def _places_are_known(self) -> Self:
        for key, text in self.templates():
            if any(Template.parse(text).unknown(frozenset())):
                raise ValueError(
                    f"{key} has a place that nothing fills; there are called, caller, trunk, "
                    "header.NAME"
                )
        return self


class Callers(Part):
    """Who may call at all; asked before any route."""

    block: tuple[Entry, ...] = Field((), max_length=100_000)
    """Numbers and patterns (with a `_`) of callers that are refused."""

    allow: tuple[Entry, ...] = Field((), max_length=100_000)
    """When there are any: everybody else is refused."""

    block_anonymous: bool = False
    """Callers that withhold their number are refused."""

    reject: int = Field(603, ge=400, le=699)
    """SIP code of these refusals."""


class Plan(Part):
    """Routes in their order, the first that matches wins, and a default."""

    routes: tuple[Route, ...] = Field((), max_length=100_000)
    """Tried in their order."""

    default: Default = Default(reject=404)
    """For calls that no route matches."""

    times: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")], Times] = Field(
        {}, max_length=1000
    )
    """Opening hours, for `during` and `outside`."""

    callers: Callers = Callers()

    limits: Limits = Limits()

    outbound: Outbound = Outbound()

    @cached_property
    def compiled(self) -> "Dialplan":
        """Ready to decide, for trunks that write numbers as they are compared."""
        from dialplan.engine import Dialplan

        return Dialplan(self)

    def outcomes(self) -> Iterator[tuple[Path, Outcome]]:
        for index, route in enumerate(self.routes):
            yield ("routes", index), route
        yield ("default",), self.default

    def agents_used(self) -> Iterator[tuple[Path, str]]:
        """Every agent that the plan sends calls to, with the path of the key that names it."""
        for path, outcome in self.outcomes():
            for key, agent in outcome.agents_used():
                yield (*path, *key), agent

    def agents_limited(self) -> Iterator[tuple[Path, str]]:
        for agent in self.limits.agents:
            yield ("limits", "agents", agent), agent

    def trunks_used(self) -> Iterator[tuple[Path, str]]:
        """Every trunk that the plan names, with the path of the key that names it."""
        for path, outcome in self.outcomes():
            if outcome.forward:
                yield (*path, "forward"), outcome.forward
        for index, route in enumerate(self.routes):
            for place, trunk in enumerate(route.trunks):
                yield ("routes", index, "trunks", place), trunk
        for trunk in self.limits.trunks:
            yield ("limits", "trunks", trunk), trunk
        for index, rule in enumerate(self.outbound.rules):
            for place, trunk in enumerate(rule.trunks):
                yield ("outbound", "rules", index, "trunks", place), trunk

    def times_used(self) -> Iterator[tuple[Path, str]]:
        """Every `[dialplan.times.NAME]` that a route names, with the path of the key."""
        for index, route in enumerate(self.routes):
            for key, names in (("during", route.during), ("outside", route.outside)):
                for place, name in enumerate(names):
                    yield ("routes", index, key, place), name
