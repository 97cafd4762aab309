"""A configured secret: masked wherever it is printed, passed on only between our own processes."""

from typing import Annotated

from pydantic import PlainSerializer, SecretStr, SerializationInfo

REVEAL = {"reveal_secrets": True}
"""Serialisation context for a pipe or socket that is the owner's alone."""


def _serialize(secret: SecretStr, info: SerializationInfo) -> str:
    reveal = bool(info.context and info.context.get("reveal_secrets"))
    return secret.get_secret_value() if reveal else str(secret)


Secret = Annotated[SecretStr, PlainSerializer(_serialize, when_used="json")]
