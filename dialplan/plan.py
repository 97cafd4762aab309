"""The dialplan as the configuration states it: `[[dialplan.routes]]` and `[dialplan.default]`."""

from collections.abc import Iterator
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dialplan.number import normalize


class Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class Route(Part):
    """Leads one called number to an agent."""

    number: str = Field(examples=["+15551234567"])
    """The called number or name, exactly; stored normalised."""

    agent: str = Field(min_length=1, max_length=64, examples=["parrot"])
    """Name of the agent that answers."""

    @field_validator("number", mode="after")
    @classmethod
    def _normalized(cls, number: str) -> str:
        return normalize(number)


class Default(Part):
    """What becomes of a call that no route matches: exactly one of the two keys."""

    agent: str = Field("", max_length=64)
    """Name of the agent that answers."""

    reject: int | None = Field(None, ge=400, le=699)
    """SIP code of the refusal (RFC 3261 section 21.4 to 21.6)."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.agent) == (self.reject is not None):
            raise ValueError('needs one of both: agent = "NAME" or reject = CODE')
        return self


class Plan(Part):
    """Routes in their order, the first that matches wins, and a default."""

    routes: tuple[Route, ...] = ()
    """Exact numbers, tried in their order."""

    default: Default = Default(reject=404)
    """For numbers that no route matches."""

    def agents_used(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every agent that the plan names, with the path of the key that names it."""
        for index, route in enumerate(self.routes):
            yield ("routes", index, "agent"), route.agent
        if self.default.agent:
            yield ("default", "agent"), self.default.agent
