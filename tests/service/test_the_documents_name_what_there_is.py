import re
from pathlib import Path

import pytest

from sip_plugin.cli.exits import Exit
from sip_plugin.config.changes import Changes
from sip_plugin.service.api import ControlApi
from sip_plugin.service.metrics import EVENTS
from sip_plugin.service.requests import NewCall
from sip_plugin.service.sip_link import SipLink
from sip_plugin.service.state import PluginState
from tests.service.lab import CONFIG

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "control-api.md").read_text()
OPERATIONS = (DOCS / "operations.md").read_text()


def state() -> PluginState:
    return PluginState(CONFIG, ["sip", "worker-0"])


def test_every_route_is_documented_and_no_other():
    link = SipLink(Path("unused"), lambda message: None, lambda linked: None)

    async def never() -> Changes:
        raise AssertionError("only the routes are asked for")

    routes = {
        (route.method, route.resource.canonical)
        for route in ControlApi(state(), link, never).application().router.routes()
        if route.method != "HEAD"
    }
    documented = re.findall(r"^\| `(GET|POST|DELETE) ([^`?]+)[^`]*` \|", API, re.MULTILINE)
    assert set(documented) == routes


def test_every_metric_is_documented_and_no_other():
    text = state().exposition().decode()
    there = {
        name
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
        if not name.endswith("_created")
    }
    assert set(re.findall(r"`(sip_plugin_\w+)`", API.partition("## Metrics")[2])) == there


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_every_event_is_documented(event):
    assert f"`{event}`" in API


@pytest.mark.parametrize("field", NewCall.model_fields)
def test_every_field_of_a_new_call_is_documented(field):
    assert f'"{field}"' in API


@pytest.mark.parametrize("code", list(Exit))
def test_every_exit_code_is_documented(code):
    assert re.search(rf"^\| {int(code)} \| ", OPERATIONS, re.MULTILINE)
