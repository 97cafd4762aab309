"""The JSON Schema of the configuration file, for editors: `schema.json` beside this module.

`python -m sip_plugin.config.schema` writes it anew. It is made of the models, and knows what they
cannot say: templates, and references in the place of numbers and booleans.
"""

import json
from pathlib import Path
from typing import Any

from sip_plugin.config.models import Config

FILE = Path(__file__).parent / "schema.json"
_REFERENCE = {"type": "string", "pattern": r"\$\{[^{}]+\}"}


def text() -> str:
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a file before its references are replaced."""
    found = Config.model_json_schema(mode="validation")
    definitions = found["$defs"]
    agent = definitions["AgentSpec"]
    template = {
        **agent,
        "title": "Template",
        "description": "What agents have in common: any keys of an agent.",
        "required": [],
    }
    definitions["Template"] = template
    named = found["properties"]["agents"]
    templates = {**named, "title": "Templates", "description": "Keys that agents take over."}
    found["properties"]["templates"] = json.loads(
        json.dumps(templates).replace("#/$defs/AgentSpec", "#/$defs/Template")
    )
    agent["properties"] = {
        "template": {
            "type": "string",
            "title": "Template",
            "description": "Name of the [templates.NAME] whose keys it takes over.",
        },
        **agent["properties"],
    }
    # The endpoint may come from the template.
    agent["anyOf"] = [{"required": ["endpoint"]}, {"required": ["template"]}]
    agent.pop("required", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_with_references(found),
        "title": "sip-plugin configuration",
    }


def _with_references(node: Any) -> Any:
    """Numbers and booleans may be references in quotes, and texts that have a form may hold one."""
    if isinstance(node, list):
        return [_with_references(part) for part in node]
    if not isinstance(node, dict):
        return node
    found = {key: _with_references(part) for key, part in node.items()}
    kind = found.get("type")
    formed = kind == "string" and ("enum" in found or "const" in found or "pattern" in found)
    if kind not in ("integer", "number", "boolean") and not formed:
        return found
    about = {
        key: found.pop(key)
        for key in ("title", "description", "default", "examples")
        if key in found
    }
    return {**about, "anyOf": [found, _REFERENCE]}


if __name__ == "__main__":
    FILE.write_text(text())
