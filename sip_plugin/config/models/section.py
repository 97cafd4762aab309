"""A table of the file, and how faults that several of its keys take part in are told."""

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Problem(NamedTuple):
    """A fault that more than one key takes part in."""

    path: tuple[str | int, ...]
    """Where to point: path from the model that found it to the key to change."""
    message: str
    depends_on: tuple[tuple[str | int, ...], ...] = ()
    """Other keys that took part: if one of them is wrong by itself, this one may be its echo."""


def refuse(problems: Sequence[Problem]) -> NoReturn:
    """For a model's validator: raises what `config.faults` makes lines of the file of."""
    text = "; ".join(f"{'.'.join(map(str, p.path))}: {p.message}" for p in problems)
    raise PydanticCustomError(
        "config_problems", "{text}", {"text": text, "problems": tuple(problems)}
    )


class Section(BaseModel):
    """A table of the file. Values that do not fit are not repeated in errors: one may be secret."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )
