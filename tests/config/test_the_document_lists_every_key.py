import re

import pytest

from sip_plugin.config import Config
from sip_plugin.config.faults import stand_in
from tests.config.files import read
from tests.config.reference import DOCUMENT, differences, documented

EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def test_with_its_default_and_its_range():
    assert len(documented()) > 40
    missing, wrong = differences()
    assert not missing, "not in docs/configuration.md; see python -m tests.config.reference"
    assert not wrong, "in docs/configuration.md, but not so"


@pytest.mark.parametrize("text", EXAMPLES)
def test_its_examples_are_valid(text, tmp_path):
    text = text.replace("/run/secrets", str(tmp_path))
    (tmp_path / "model_token").write_text("x")
    assert read(text).agents


def test_there_are_examples():
    assert len(EXAMPLES) >= 2


def test_a_required_key_has_an_example_to_go_on_with_when_it_is_wrong():
    paths = {
        ("trunks", "a", "domain"),
        ("agents", "a", "endpoint"),
        ("dialplan", "times", "a", "timezone"),
        ("dialplan", "routes", 0, "number"),
        ("dialplan", "routes", 0, "agent"),
    }
    required = {row.key for row in documented() if row.default == "required"}
    assert required == {"domain", "timezone"}
    values = {path: stand_in(path) for path in paths}
    Config.model_validate(
        {
            "trunks": {"a": {"domain": values["trunks", "a", "domain"], "sip_username": "x"}},
            "agents": {
                values["dialplan", "routes", 0, "agent"]: {
                    "endpoint": values["agents", "a", "endpoint"]
                }
            },
            "dialplan": {
                "times": {"a": {"timezone": values["dialplan", "times", "a", "timezone"]}},
                "routes": [
                    {path[-1]: value for path, value in values.items() if path[1] == "routes"}
                ],
            },
        }
    )
