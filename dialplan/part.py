"""What every table of the dialplan has in common."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A table of the configuration. What is wrong in it is not repeated in errors."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )
