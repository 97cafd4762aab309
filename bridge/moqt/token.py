"""Authorization tokens (draft 18, section 10.2.2).

This end registers none and takes no registration: it announces a token cache of 0 bytes, so a
token is always sent by value.
"""

from dataclasses import dataclass

from bridge.moqt import varint
from bridge.moqt.errors import SessionCode, SessionError, violation

DELETE, REGISTER, USE_ALIAS, USE_VALUE = range(4)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` 0 says that both sides know by other means what the value is."""

    value: bytes
    kind: int = 0

    def __repr__(self) -> str:
        return f"Token({len(self.value)} bytes, kind={self.kind})"


@dataclass(frozen=True, slots=True)
class Alias:
    """Of a token that was not registered, for none ever is: the request is to be refused."""

    number: int


def encode(token: Token) -> bytes:
    return varint.encode(USE_VALUE) + varint.encode(token.kind) + token.value


def decode(data: bytes, *, in_setup: bool = False) -> Token | Alias:
    """Raises SessionError."""
    reader = varint.Reader(data)
    try:
        form = reader.varint()
        if form in (DELETE, USE_ALIAS):
            if in_setup:
                raise violation("a token alias in SETUP")
            alias = Alias(reader.varint())
            if reader.rest():
                raise SessionError(SessionCode.KEY_VALUE_FORMATTING_ERROR, "more than an alias")
            return alias
        if form == REGISTER:
            reader.varint()
            if not in_setup:
                raise SessionError(SessionCode.AUTH_TOKEN_CACHE_OVERFLOW, "no token is registered")
        elif form != USE_VALUE:
            raise SessionError(SessionCode.KEY_VALUE_FORMATTING_ERROR, f"token of form {form}")
        return Token(kind=reader.varint(), value=reader.rest())
    except varint.Truncated:
        raise SessionError(SessionCode.KEY_VALUE_FORMATTING_ERROR, "a token is cut off") from None
