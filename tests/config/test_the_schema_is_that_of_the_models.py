import json
import re
import tomllib

import pytest
from typer.testing import CliRunner

from sip_plugin.cli.app import app
from sip_plugin.config.schema import FILE, text
from tests.config.reference import DOCUMENT
from tests.dialplan.document import examples

SCHEMA = json.loads(FILE.read_text())
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
EXAMPLES += [example.toml for example in examples() if "[trunks." not in example.toml]

KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def fits(value, schema):
    """A plain reading of the JSON Schema words that ours uses."""
    if "$ref" in schema:
        return fits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema and not any(fits(value, option) for option in schema["anyOf"]):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    kind = schema.get("type")
    if kind and not isinstance(value, KINDS[kind]):
        return False
    if isinstance(value, bool):
        return kind in (None, "boolean")
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, list):
        return all(fits(part, schema.get("items", {})) for part in value)
    if isinstance(value, dict):
        return all(key in value for key in schema.get("required", [])) and all(
            fits(part, _of_key(schema, key)) for key, part in value.items()
        )
    return schema.get("minimum", value) <= value <= schema.get("maximum", value)


NOTHING = {"enum": []}


def _of_key(schema, key):
    if key in schema.get("properties", {}):
        return schema["properties"][key]
    for pattern, found in schema.get("patternProperties", {}).items():
        if re.search(pattern, key):
            return found
    rest = schema.get("additionalProperties", {})
    return rest if isinstance(rest, dict) else NOTHING if rest is False else {}


def test_it_is_current():
    assert FILE.read_text() == text(), "write it anew: python -m sip_plugin.config.schema"


def test_check_prints_it():
    result = CliRunner().invoke(app, ["check", "--schema"])
    assert result.exit_code == 0 and json.loads(result.stdout) == SCHEMA


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_documents_examples_fit_it(example):
    assert fits(tomllib.loads(example), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "[sip]\nbogus = 1",
        "[sip]\nmax_calls = 'four'",
        "[media]\nrtp_start_port = 1",
        "[dialplan.default]\nreject = 200",
        "[dialplan.default]\nrejekt = 404",
        "[agents.a]\nagent = 'parrot'",
        "[trunks.a]\nallow_from = 'x'",
        "[service]\nlog_level = 'loud'",
    ],
)
def test_what_is_wrong_does_not(text):
    assert not fits(tomllib.loads(text), SCHEMA)


def test_a_reference_may_stand_for_a_number():
    assert fits(tomllib.loads("[sip]\nmax_calls = '${MAX}'"), SCHEMA)
