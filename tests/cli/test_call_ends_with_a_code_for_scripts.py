"""`sip-plugin call` and `status` against a running supervisor whose SIP process is a stand-in."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.service.supervised import Supervised

COMMAND = (sys.executable, "-m", "sip_plugin")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    with Supervised(tmp_path_factory.mktemp("plugin")) as running:
        running.wait_ready()
        yield running
        assert running.end() == 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
    )


def call(plugin: Supervised, number: str, *more: str) -> subprocess.CompletedProcess[str]:
    return run("call", number, "--agent", "parrot", "--run-dir", str(plugin.run_dir), *more)


def test_a_completed_call_is_0(plugin):
    done = call(plugin, "200")
    assert done.returncode == 0, done.stderr
    assert [word for word in done.stdout.split() if word in ("dialing", "in_progress")] == [
        "dialing",
        "in_progress",
    ]
    assert "completed: 200 (callee_hangup)" in done.stdout


def test_a_failed_call_is_3_and_says_the_sip_code(plugin):
    done = call(plugin, "486")
    assert done.returncode == 3
    assert "failed: 486 Busy Here" in done.stdout


def test_a_call_that_nobody_answers_is_4(plugin):
    done = call(plugin, "480")
    assert done.returncode == 4
    assert "ringing" in done.stdout
    assert "no_answer: 480" in done.stdout


def test_a_call_that_is_refused_is_3_and_says_what_next(plugin):
    done = run("call", "200", "--agent", "nobody", "--run-dir", str(plugin.run_dir))
    assert done.returncode == 3
    assert done.stderr == (
        'no agent is named "nobody"; configured: parrot. '
        "Name one of these, or add [agents.nobody] to the configuration.\n"
    )


def test_without_a_plugin_it_is_5_and_says_where_it_looked(tmp_path):
    done = run("call", "200", "--agent", "parrot", "--run-dir", str(tmp_path))
    assert done.returncode == 5
    assert f"no plugin runs at {tmp_path}/control.sock: there is no such socket" in done.stderr
    assert "sip-plugin run -c FILE.toml" in done.stderr


def test_the_configuration_tells_where_the_plugin_runs(plugin, tmp_path):
    config = tmp_path / "sip-plugin.toml"
    config.write_text(f'[service]\nrun_dir = "{plugin.run_dir}"\n')
    done = run("call", "200", "--agent", "parrot", "-c", str(config))
    assert done.returncode == 0, done.stderr


def test_wrong_options_are_2(plugin):
    assert call(plugin, "200", "--nonsense").returncode == 2
    assert run("call", "200").returncode == 2


def test_a_wrong_configuration_is_2_and_names_the_line(tmp_path):
    config = tmp_path / "sip-plugin.toml"
    config.write_text('[service]\nrun_dri = "x"\n')
    done = run("run", "-c", str(config))
    assert done.returncode == 2
    assert "sip-plugin.toml:2" in done.stderr
    assert "run_dir" in done.stderr


def test_json_is_one_object_a_line_with_the_call_last(plugin):
    done = call(plugin, "486", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["state", "state", "report", "call"]
    assert lines[-1]["data"]["code"] == 486
    assert done.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_hangs_up_and_waits_for_the_end(plugin, number):
    calling = subprocess.Popen(
        [*COMMAND, "call", "123", "--agent", "parrot", "--run-dir", str(plugin.run_dir)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in calling.stdout:
            if "in_progress" in line:
                break
        calling.send_signal(number)
        rest = calling.stdout.read()
        assert calling.wait(20) == 0
        assert "completed: 200 (plugin_hangup)" in rest
    finally:
        calling.kill()
        calling.wait()
        calling.stdout.close()


def test_a_plugin_that_goes_away_does_not_leave_the_command_waiting(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        calling = subprocess.Popen(
            [*COMMAND, "call", "123", "--agent", "parrot", "--run-dir", str(plugin.run_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in calling.stdout:
            if "in_progress" in line:
                break
        plugin.process.kill()
        _, errors = calling.communicate(timeout=20)
        assert calling.returncode == 5
        assert "the connection was lost" in errors


def test_status_shows_trunks_processes_and_calls(plugin):
    done = run("status", "--run-dir", str(plugin.run_dir))
    assert done.returncode == 0
    for shown in ("ready for calls", "lab", "worker-0", "worker-1", "sip"):
        assert shown in done.stdout
    facts = json.loads(run("status", "--json", "--run-dir", str(plugin.run_dir)).stdout)
    assert facts["ready"]
    assert {"sip", "workers", "trunks", "calls"} <= facts.keys()


def test_a_second_plugin_in_the_folder_is_1(plugin, tmp_path):
    config = tmp_path / "sip-plugin.toml"
    config.write_text(f'[service]\nrun_dir = "{plugin.run_dir}"\n')
    done = run("run", "-c", str(config))
    assert done.returncode == 1
    assert f"another sip-plugin runs there (pid {plugin.process.pid})" in done.stderr


def test_a_folder_that_cannot_be_made_is_1(tmp_path):
    config = tmp_path / "sip-plugin.toml"
    config.write_text('[service]\nrun_dir = "/dev/null/run"\n')
    done = run("run", "-c", str(config))
    assert done.returncode == 1
    assert "cannot be used as run_dir" in done.stderr
