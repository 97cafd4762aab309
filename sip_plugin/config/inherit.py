"""Agents that take what they do not say themselves from a template: `[templates.NAME]`."""

from typing import Any

from sip_plugin.config.document import Document
from sip_plugin.config.faults import Fault
from sip_plugin.config.nearest import did_you_mean
from sip_plugin.config.positions import Path

KEY = "template"
TABLE = "templates"


def inherit(document: Document) -> dict[Path, Path]:
    """Fill the agents of a document from their templates, and take the templates away.

    Returns where each inherited value really stands, for errors. Tables within (`turn`, `tls`,
    `metadata`) are filled key by key. A template has no template of its own.
    """
    templates = document.tables.pop(TABLE, {})
    agents = document.tables.get("agents")
    origins: dict[Path, Path] = {}
    if not isinstance(templates, dict):
        document.faults.append(Fault((TABLE,), "must be a table"))
        return origins
    for name, agent in agents.items() if isinstance(agents, dict) else ():
        if not isinstance(agent, dict) or KEY not in agent:
            continue
        template = agent.pop(KEY)
        if not isinstance(template, str) or template not in templates:
            hint = did_you_mean(template, templates) if isinstance(template, str) else ""
            document.faults.append(
                Fault(("agents", name, KEY), f"there is no such [{TABLE}.NAME]{hint}")
            )
            continue
        if isinstance(templates[template], dict):
            source, target = (TABLE, template), ("agents", name)
            _fill(agent, templates[template], source, target, document, origins)
    for name, template in templates.items():
        if not isinstance(template, dict):
            document.faults.append(Fault((TABLE, name), "must be a table"))
        elif KEY in template:
            fault = "a template has no template of its own"
            document.faults.append(Fault((TABLE, name, KEY), fault))
    return origins


def _fill(
    table: dict[str, Any],
    template: dict[str, Any],
    source: Path,
    target: Path,
    document: Document,
    origins: dict[Path, Path],
) -> None:
    for key, value in template.items():
        here, there = (*target, key), (*source, key)
        if key not in table:
            # A copy: what is wrong in it is taken out of each agent by itself.
            table[key] = _copied(value, there, here, document)
            origins[here] = there
        elif isinstance(table[key], dict) and isinstance(value, dict):
            _fill(table[key], value, there, here, document, origins)


def _copied(value: Any, source: Path, target: Path, document: Document) -> Any:
    if source in document.substituted:
        document.substituted.add(target)
    match value:
        case dict():
            return {
                key: _copied(part, (*source, key), (*target, key), document)
                for key, part in value.items()
            }
        case list():
            return [
                _copied(part, (*source, place), (*target, place), document)
                for place, part in enumerate(value)
            ]
    return value


def origin(path: Path, origins: dict[Path, Path]) -> Path:
    """Where the value at a path stands in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return (*origins[path[:length]], *path[length:])
    return path
