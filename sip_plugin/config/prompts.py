"""The WAV files that a configuration names: looked up from its folder, and checked."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from sip_plugin.config.document import Document
from sip_plugin.config.faults import Fault
from sip_plugin.config.positions import Path
from sip_plugin.media.wavefile import NotPlayable, inspect


def find_prompts(document: Document, folder: FilePath) -> None:
    """Make the paths of prompts absolute; what cannot be played becomes a fault."""
    known: dict[str, str] = {}
    for path, table in _tables(document.tables):
        name = table.get("prompt")
        if not isinstance(name, str) or not name:
            continue
        file = str(folder.absolute() / name)
        if file not in known:
            known[file] = _problem(file)
        if known[file]:
            document.faults.append(Fault((*path, "prompt"), f"the file {known[file]}"))
        table["prompt"] = file


def _problem(file: str) -> str:
    try:
        inspect(file)
    except NotPlayable as error:
        return str(error)
    return ""


def _tables(tables: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Whatever may hold a prompt, as far as it is well formed."""
    dialplan = tables.get("dialplan")
    if isinstance(dialplan, dict):
        routes = dialplan.get("routes")
        for index, route in enumerate(routes if isinstance(routes, list) else ()):
            if isinstance(route, dict):
                yield ("dialplan", "routes", index), route
        if isinstance(dialplan.get("default"), dict):
            yield ("dialplan", "default"), dialplan["default"]
    agents = tables.get("agents")
    for name, agent in agents.items() if isinstance(agents, dict) else ():
        if isinstance(agent, dict) and isinstance(agent.get("fallback"), dict):
            yield ("agents", name, "fallback"), agent["fallback"]
