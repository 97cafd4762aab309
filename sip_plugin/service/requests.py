"""Bodies that the control API takes, with the bounds of each field."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from dialplan import normalize
from sip_plugin.config import sip_headers

MAX_BODY_BYTES = 16 * 1024

# Normalising is also what refuses line breaks, quotes and whatever else would begin a header or
# another address.
Number = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(normalize)]


def _settable(headers: dict[str, str]) -> dict[str, str]:
    for name, fault in sip_headers.faults(headers):
        raise ValueError(f"{name[:64]!r}: {fault}")
    return headers


Headers = Annotated[dict[str, str], AfterValidator(_settable)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class NewCall(BaseModel):
    """`POST /v1/calls`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    number: Number
    """To dial: a telephone number, with a plus or as the trunk takes it, or a user's name."""
    agent: Name
    """Name of an `[agents.NAME]` table."""
    trunk: Name | None = None
    """Name of a `[trunks.NAME]` table; absent takes the first that can."""
    caller_id: Number | None = None
    """Shown to the called party; absent shows the trunk's own."""
    headers: Headers = {}
    """Of the INVITE."""


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
            case "string_pattern_mismatch":
                told.append(f"{where}: 1 to 64 letters, digits, _ or -")
            case _:
                told.append(f"{where}: {fault['msg'].removeprefix('Value error, ')}")
    return "; ".join(told)
