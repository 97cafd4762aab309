"""Bodies that the control API takes, with the bounds of each field."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

MAX_BODY_BYTES = 16 * 1024

# What may stand in the user part of a SIP address without meaning anything there: no line
# breaks, no quotes, no "@", ";", "?" or "%" by which a header or a parameter would begin.
_NUMBER = r"^\+?[0-9A-Za-z*#._-]{1,64}$"
_NAME = r"^[A-Za-z0-9_-]{1,64}$"

Number = Annotated[str, StringConstraints(pattern=_NUMBER)]
Name = Annotated[str, StringConstraints(pattern=_NAME)]


class NewCall(BaseModel):
    """`POST /v1/calls`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    number: Number
    """To dial: digits with or without a plus, or another user name of the trunk's."""
    agent: Name
    """Name of an `[agents.NAME]` table."""
    trunk: Name | None = None
    """Name of a `[trunks.NAME]` table; absent takes the first that can."""
    caller_id: Number | None = None
    """Shown to the called party; absent shows the trunk's own."""


def faults(error: ValidationError) -> str:
    """Every fault of a body in one line."""
    told = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(map(str, fault["loc"])) or "body"
        match fault["type"]:
            case "extra_forbidden":
                known = ", ".join(NewCall.model_fields)
                told.append(f"{where[:64]}: unknown field (known: {known})")
            case "missing":
                told.append(f"{where}: is needed")
            case "string_pattern_mismatch" if where in ("number", "caller_id"):
                told.append(f"{where}: 1 to 64 letters, digits or * # . _ -, with or without a +")
            case _:
                told.append(f"{where}: {fault['msg']}")
    return "; ".join(told)
