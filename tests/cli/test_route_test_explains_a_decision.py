from pathlib import Path

import pytest
from typer.testing import CliRunner

from sip_plugin.cli.app import app
from tests.config.files import AGENT, SECRETS, TRUNK

FILE = f"""{TRUNK}{AGENT}
[agents.night]
endpoint = "quic://127.0.0.1:4433"
[trunks.main.numbers]
region = "US"
[dialplan.times.office]
timezone = "UTC"
hours = ["mon-fri 09:00-17:00"]
[[dialplan.routes]]
name = "day"
number = "+12025550123"
during = ["office"]
agent = "parrot"
language = "es"
[[dialplan.routes]]
number = "+12025550123"
headers = {{ X-Kind = "vip" }}
agent = "night"
[dialplan.outbound]
countries = ["US"]
"""


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sip-plugin.toml").write_text(FILE)

    def run(*arguments):
        return CliRunner().invoke(app, list(arguments), env=SECRETS)

    return run


def test_a_call_that_is_let_in(command):
    result = command("route-test", "--to", "(202) 555-0123", "--at", "2026-11-23T10:00+00:00")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "at      2026-11-23T10:00+00:00",
        "trunk   main",
        "called  (202) 555-0123, compared as +12025550123",
        "caller  withheld",
        "",
        "   callers: the caller is let in",
        "=> route 1 (day): every condition holds",
        "",
        "decision: agent parrot",
        "because   route 1 (day) is for +12025550123",
        "variable  language = es",
    ]


def test_each_rule_that_did_not_match_says_why(command):
    call = ("--to", "+12025550123", "--from", "+12025550199", "--at", "2026-11-22T10:00+00:00")
    refused = command("route-test", *call)
    assert refused.exit_code == 1
    assert refused.stdout.splitlines()[5:] == [
        "   callers: the caller is let in",
        "   route 1 (day): not during office: sun 2026-11-22 10:00 UTC is outside the hours",
        "   route 2: there is no header x-kind",
        "=> default: no route matches",
        "",
        "decision: 404 Not Found",
        "because   no route is for +12025550123; the default rejects",
    ]
    result = command("route-test", *call, "--header", "X-Kind=vip")
    assert "decision: agent night" in result.stdout


def test_an_outbound_call(command):
    result = command("route-test", "--to", "(202) 555-0123", "--outbound")
    assert result.exit_code == 0 and "call +12025550123\nover any trunk" in result.stdout
    result = command("route-test", "--to", "911", "--outbound")
    assert result.exit_code == 1 and "911 is an emergency number" in result.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--at", "yesterday"),
        ("--at", "0001-01-01"),
        ("--trunk", "x"),
        ("--header", "x"),
        ("-c", "x"),
    ],
)
def test_wrong_options(command, options):
    result = command("route-test", "--to", "1", *options)
    assert result.exit_code == 2 and result.stdout == ""


def test_escapes_are_not_obeyed(command):
    result = command("route-test", "--to", "\x1b[31m", "--from", "\x1b[31m")
    assert result.exit_code == 1 and "\x1b" not in result.output


def test_show_lint_and_import(command):
    shown = command("dialplan", "show")
    assert shown.exit_code == 0
    for word in ("1 day", "+12025550123", "during office", "agent night", "404", "UTC", "US"):
        assert word in shown.stdout
    found = command("dialplan", "lint")
    assert found.exit_code == 1
    assert found.stdout == (
        "sip-plugin.toml:3: trunks.main.sip_username: calls to it get 404: no route is for 1001; "
        "the default rejects\n"
    )
    Path("extensions.conf").write_text("[in]\nexten => 1,1,Answer()\nexten => 2,1,Goto(x)\n")
    imported = command("dialplan", "import", "extensions.conf")
    assert imported.exit_code == 1
    assert '[[dialplan.routes]]\nnumber = "1"\nagent = "parrot"\n' in imported.stdout
    assert "extensions.conf:3: Goto: there is nothing like it" in imported.stderr
    assert command("dialplan", "import", "absent").exit_code == 2


def test_what_comes_after_the_decision_is_told(command):
    file = Path("sip-plugin.toml")
    text = file.read_text().replace(
        '[dialplan.outbound]\ncountries = ["US"]\n',
        """[[dialplan.routes]]
number = "9"
transfer = "+19005550123"
[[dialplan.routes]]
number = "8"
agents = ["parrot", "night"]
[dialplan.outbound]
countries = ["US"]
caller_ids = ["+12025550123", "+12025550199", "_+1415."]
""",
    )
    file.write_text(
        text.replace(
            "[trunks.main.numbers]", 'fallback = { transfer = "100" }\n[trunks.main.numbers]'
        )
    )
    assert "but       [dialplan.outbound] refuses it" in command("route-test", "--to", "9").stdout
    assert "fallback  transfer to 100" in command("route-test", "--to", "8").stdout
    found = command("dialplan", "lint").stdout
    assert "dialplan.outbound.caller_ids[1]: who calls it back gets 404" in found
    assert "dialplan.outbound.caller_ids[2]" not in found
    assert "dialplan.routes[2].transfer: [dialplan.outbound] refuses it" in found
    Path("public.xml").write_text(
        '<context name="in"><extension name="a"><condition field="destination_number" '
        'expression="^1$"><action application="answer"/></condition></extension></context>'
    )
    imported = command("dialplan", "import", "public.xml")
    assert imported.exit_code == 0
    assert 'regex = "^1$"\nagent = "parrot"' in imported.stdout
