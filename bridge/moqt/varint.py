"""Variable-length integers of MoQT (draft 18, section 1.4.1), and a reader of bounded bytes.

The number of leading one bits of the first byte tells how many bytes follow it.
"""

from bridge.moqt.errors import violation
from bridge.moqt.limits import MAX_VARINT


class Truncated(Exception):
    """The bytes end within a value."""


def encode(value: int) -> bytes:
    """1 to 9 bytes. Raises ValueError outside of 0 to 2**64 - 1."""
    if 0 <= value < 0x80:
        return bytes((value,))
    if not 0 <= value <= MAX_VARINT:
        raise ValueError(f"{value} is no unsigned 64-bit number")
    for extra in range(1, 8):
        bits = 7 * (extra + 1)
        if value < 1 << bits:
            marker = 0xFF << (8 - extra) & 0xFF
            return (value | marker << 8 * extra).to_bytes(extra + 1, "big")
    return b"\xff" + value.to_bytes(8, "big")


def size(first: int) -> int:
    """Bytes of the integer that begins with the byte `first`."""
    if first < 0x80:
        return 1
    return 9 - (first ^ 0xFF).bit_length()


def decode(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """The integer at `at` and where the next value begins. Raises Truncated."""
    try:
        first = data[at]
    except IndexError:
        raise Truncated from None
    if first < 0x80:
        return first, at + 1
    end = at + 9 - (first ^ 0xFF).bit_length()
    if end > len(data):
        raise Truncated
    value = int.from_bytes(data[at:end], "big")
    if end - at == 9:
        return value & MAX_VARINT, end
    return value & (1 << 7 * (end - at)) - 1, end


class Reader:
    """Takes values from the front of some bytes. Every method raises Truncated at their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def varint(self) -> int:
        value, self._at = decode(self._data, self._at)
        return value

    def uint8(self) -> int:
        return self.take(1)[0]

    def uint16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise Truncated
        out = self._data[self._at : end]
        self._at = end
        return bytes(out)

    def rest(self) -> bytes:
        return self.take(self.left)

    def sized(self, most: int, what: str) -> bytes:
        """Bytes with their length before them. Raises SessionError above `most`."""
        count = self.varint()
        if count > most:
            raise violation(f"{what} of {count} bytes, over {most}")
        return self.take(count)


def sized(data: bytes) -> bytes:
    """Bytes with their length before them."""
    return encode(len(data)) + data
