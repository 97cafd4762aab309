"""Messages of the Realtime API against the typed models of the `openai` package, strictly: an
unknown field, a missing one and a wrong type are failures, however deep."""

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter

realtime = pytest.importorskip("openai.types.realtime")

CLIENT = TypeAdapter(Annotated[realtime.RealtimeClientEvent, Field(discriminator="type")])
SERVER = TypeAdapter(Annotated[realtime.RealtimeServerEvent, Field(discriminator="type")])


def check(adapter: TypeAdapter, message: dict[str, Any]) -> dict[str, Any]:
    """The message, if the models know all of it."""
    model = adapter.validate_json(json.dumps(message), strict=True)
    unknown = list(_extras(model, message["type"]))
    assert not unknown, f"unknown fields: {unknown}"
    return message


def _extras(value: Any, path: str):
    if isinstance(value, BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _extras(element, f"{path}[{index}]")
