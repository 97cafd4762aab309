"""What differs between two configurations, and whether a running plugin can take it over."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sip_plugin.config.load import dotted
from sip_plugin.config.models import Config
from sip_plugin.config.positions import Path

_LIVE_TRUNK_KEYS = frozenset(
    {
        *("numbers", "allow_from", "channel_limit", "max_ring_secs"),
        *("asserted_identity", "withhold_caller_id", "weight", "agent_headers"),
    }
)
"""Asked for each call; the others are part of an account of the SIP stack."""
MAX_NAMED = 50
"""Changes that are named singly."""


@dataclass(frozen=True)
class Changes:
    """Keys that differ, without their values, of which some are secrets."""

    live: tuple[str, ...]
    """New calls can have these; running ones keep what they began with."""
    restart: tuple[str, ...]
    """These need a restart, and with them the whole reload is refused."""


def changes(old: Config, new: Config) -> Changes:
    live: list[str] = []
    restart: list[str] = []
    for path, how in _differences((), old, new):
        (live if _is_live(path) else restart).append(f"{dotted(path)} {how}")
    return Changes(_bounded(live), _bounded(restart))


def _is_live(path: Path) -> bool:
    match path:
        case ("agents" | "dialplan", *_):
            return True
        case ("trunks", _, key, *_):
            return key in _LIVE_TRUNK_KEYS
    return False


def _differences(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, str]]:
    if old == new:
        return
    if isinstance(old, BaseModel) and type(old) is type(new):
        for key in type(old).model_fields:
            yield from _differences((*path, key), getattr(old, key), getattr(new, key))
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            if key not in old:
                yield (*path, key), "added"
            elif key not in new:
                yield (*path, key), "removed"
            else:
                yield from _differences((*path, key), old[key], new[key])
    elif isinstance(old, tuple) and isinstance(new, tuple) and _of_tables(old, new):
        for place in range(max(len(old), len(new))):
            if place >= len(old):
                yield (*path, place), "added"
            elif place >= len(new):
                yield (*path, place), "removed"
            else:
                yield from _differences((*path, place), old[place], new[place])
    else:
        yield path, "changed"


def _of_tables(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    return all(isinstance(element, BaseModel) for element in old + new)


def _bounded(found: list[str]) -> tuple[str, ...]:
    if len(found) <= MAX_NAMED:
        return tuple(found)
    return (*found[:MAX_NAMED], f"and {len(found) - MAX_NAMED} more")
