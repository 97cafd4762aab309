"""From a TOML file to a `Config`, or to every fault of the file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

from sip_plugin.config.document import SyntaxFault, expand, parse
from sip_plugin.config.errors import ConfigError, Issue
from sip_plugin.config.inherit import inherit, origin
from sip_plugin.config.models import Config
from sip_plugin.config.positions import Positions
from sip_plugin.config.prompts import find_prompts
from sip_plugin.config.substitute import Sources
from sip_plugin.config.validate import MAX_FAULTS, validate

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Room for tens of thousands of routes; a file named by mistake is not read whole."""


@dataclass(frozen=True)
class Located:
    """A valid configuration, and where its keys are in the file."""

    config: Config
    text: str

    @cached_property
    def positions(self) -> Positions:
        return Positions(self.text)


def load(path: str | PathLike[str]) -> Config:
    """Read and validate a configuration file. Raises ConfigError with all of its faults."""
    return load_located(path).config


def load_located(path: str | PathLike[str]) -> Located:
    """As `load`, for who wants to point into the file."""
    name = os.fspath(path)
    return loads(_read(name), name=name, folder=Path(name).parent, environ=os.environ)


def loads(text: str, *, name: str, folder: Path, environ: Mapping[str, str]) -> Located:
    """Validate the text of a configuration.

    `name` is what errors call it; files that it names are looked up from `folder`, variables in
    `environ`. Raises ConfigError with all of its faults.
    """
    try:
        tables = parse(text)
    except SyntaxFault as fault:
        raise ConfigError([Issue(name, fault.line, str(fault))]) from None
    document = expand(tables, Sources(environ, folder))
    origins = inherit(document)
    find_prompts(document, folder)
    result = validate(document)
    if isinstance(result, Config):
        return Located(result, text)
    positions = Positions(text)
    issues = list(
        dict.fromkeys(
            # Several agents may have the fault of one template.
            Issue(name, positions.line(path), f"{dotted(path)}: {fault.message}")
            for fault in result
            for path in [origin(fault.path, origins)]
        )
    )
    if len(issues) >= MAX_FAULTS:
        issues.append(Issue(name, text.count("\n") + 1, "there may be more: correct these first"))
    raise ConfigError(issues)


def dotted(path: tuple[str | int, ...]) -> str:
    """A path as people write it: `dialplan.routes[0].agent`, with odd characters escaped."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            shown = key if key.isprintable() else repr(key)[1:-1]
            text += ("." if text else "") + (shown if len(shown) <= 64 else f"{shown[:64]}…")
    return text


def _read(name: str) -> str:
    try:
        with open(name, "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            [Issue(name, 0, "there is no such file; name yours with -c FILE")]
        ) from None
    except OSError as error:
        raise ConfigError([Issue(name, 0, f"cannot be read: {error.strerror}")]) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError([Issue(name, 0, f"has more than {MAX_FILE_BYTES} bytes")])
    try:
        # Some editors begin a file with a byte order mark, which TOML does not know.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Issue(name, line, "not UTF-8 text")]) from None
