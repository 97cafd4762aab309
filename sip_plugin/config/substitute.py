"""`${NAME}` and `${file:PATH}` in the strings of a configuration."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

MAX_FILE_BYTES = 512 * 1024
"""Room for a calendar; a whole disk image named by mistake is not read."""

# `$${` stands for a plain `${`.
_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Sources:
    """Where the substituted values come from: an environment, and files beside the document."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder

    def expand(self, text: str) -> str:
        """Replace every reference. Raises ValueError, which never holds a substituted value."""
        return _REFERENCE.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        reference = match[1]
        if reference is not None and reference.startswith("file:"):
            return self._file(reference.removeprefix("file:"))
        if reference is None or not _NAME.fullmatch(reference):
            raise ValueError(
                "not a reference: write ${NAME} for an environment variable, ${file:PATH} for a "
                "file, or $${ for a plain ${"
            )
        if reference not in self._environ:
            raise ValueError(f"the environment variable {reference} is not set")
        return _text(self._environ[reference], f"the environment variable {reference}")

    def _file(self, name: str) -> str:
        """A file's text without the line end that editors put there."""
        what = f"the file {name}"
        try:
            with open(self._folder / name, "rb", opener=_without_waiting) as file:
                # Nothing without an end, such as a pipe or a device.
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ValueError(f"{what} is not a regular file")
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ValueError(f"cannot read {what}: {error.strerror}") from None
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"{what} has more than {MAX_FILE_BYTES} bytes")
        text = content.decode(errors="surrogateescape")
        return _text(text.removesuffix("\n").removesuffix("\r"), what)


def _without_waiting(path: str, flags: int) -> int:
    """Open a pipe although nobody writes to it, to be able to refuse it."""
    return os.open(path, flags | os.O_NONBLOCK)


def _text(value: str, what: str) -> str:
    # Undecodable bytes of the environment and of files arrive as lone surrogates (PEP 383).
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{what} does not hold UTF-8 text")
    return value
