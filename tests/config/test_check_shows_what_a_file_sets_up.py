from pathlib import Path

import pytest
from typer.testing import CliRunner

from sip_plugin.cli.app import app
from tests.config.files import AGENT, SECRETS, TRUNK

VALID = f"""\
{TRUNK}allow_from = ["192.0.2.0/24"]
{AGENT}
[[dialplan.routes]]
number = "+1 555 123-4567"
agent = "parrot"
[dialplan.default]
reject = 486
"""


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(text, *options):
        Path("sip-plugin.toml").write_text(text)
        return CliRunner().invoke(app, ["check", *options], env=SECRETS)

    return run


def test_a_valid_file(check):
    result = check(VALID)
    assert result.exit_code == 0
    for word in ("main", "sip.example.net", "1001", "192.0.2.0/24", "g711_ulaw", "********"):
        assert word in result.stdout
    for word in ("parrot", "quic://127.0.0.1:4433", "+15551234567", "any other", "486"):
        assert word in result.stdout
    assert result.stdout.splitlines()[-1] == "sip-plugin.toml: valid"
    assert result.stderr == ""


def test_a_faulty_file(check):
    result = check(VALID.replace("sip_username", "user"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "sip-plugin.toml:1: trunks.main.sip_username: "
        "is needed to register (require_registration = true)",
        *[line for line in result.stderr.splitlines() if line.startswith("sip-plugin.toml:3: ")],
    ]


def test_warnings_do_not_make_it_faulty(check):
    result = check(VALID.replace("192.0.2.0/24", "0.0.0.0/0"))
    assert result.exit_code == 0
    assert result.stderr == (
        "sip-plugin.toml:5: warning: trunks.main.allow_from[0]: accepts calls from any address, "
        "so from every scanner of the internet\n"
    )
    assert result.stdout.splitlines()[-1] == "sip-plugin.toml: valid, 1 warning"


def test_an_absent_file(check):
    result = check("", "-c", "other.toml")
    assert result.exit_code == 2
    assert result.stderr == "other.toml: there is no such file; name yours with -c FILE\n"


def test_brackets_and_escapes_of_the_file_are_shown_and_not_obeyed(check):
    result = check(VALID + '[agents.odd]\nendpoint = "quic://x:1"\nagent = "[red]\\u001b[2J"\n')
    assert "[red]" in result.stdout and "\x1b" not in result.stdout


def test_the_exit_codes_are_in_its_help(check):
    assert "Exit codes: 0 valid" in check("", "--help").stdout
