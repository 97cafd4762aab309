import subprocess
import sys

import pytest

import sip_plugin

COMMANDS = ("run", "call", "status", "check", "gateway", "replay", "demo", "doctor")
HEAVY = {"aiohttp", "aioquic", "numpy", "pjsua2", "onnxruntime", "matplotlib", "pydantic", "uvloop"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sip_plugin", *arguments], capture_output=True, text=True, timeout=30
    )


def test_every_command_is_listed():
    done = run("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"  {command} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_its_exit_codes(command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert "Exit codes:" in done.stdout


@pytest.mark.parametrize("command", ["run", "call", "status", "check", "gateway", "replay"])
def test_commands_with_arguments_show_an_example(command):
    assert f"sip-plugin {command}" in run(command, "--help").stdout.partition("Example:")[2]


def test_the_version_is_shown():
    assert run("--version").stdout == f"sip-plugin {sip_plugin.__version__}\n"


def test_help_loads_nothing_heavy():
    script = "import sys, sip_plugin.cli; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert not HEAVY & set(done.stdout.split())
