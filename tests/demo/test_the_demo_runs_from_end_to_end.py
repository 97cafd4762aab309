"""The command itself, in real time: gateway, plugin and phone as processes on loopback."""

import json
import re
import signal
from pathlib import Path

from tests.demo.command import run, start


def test_the_call_goes_as_scripted_and_leaves_its_files(tmp_path):
    code, stdout, stderr = run(tmp_path, "--json", "--keep-logs")
    assert code == 0, stderr
    summary = json.loads(stdout)
    assert summary["ok"] and all(check["ok"] for check in summary["checks"])
    assert summary["latency_ms"]["phone_ms"]["n"] == 7
    assert summary["self_interruptions_ms"] == []
    assert "its line returns the agent 12 dB quieter, after 120 ms; canceller: aec3" in stderr
    assert 30 < summary["call_secs"] < 90
    left = {path.name for path in tmp_path.iterdir()}
    assert {"call.wav", "timeline.png", "summary.json", "plugin.log", "gateway.log"} <= left
    for told in ("180 Ringing", "prime", "commit", "backchannel", "barge-in confirmed"):
        assert told in stderr


def test_without_the_canceller_the_agent_interrupts_itself_and_the_demo_says_why(tmp_path):
    code, stdout, _ = run(tmp_path, "--canceller", "none")
    assert code == 1
    assert "The call did not go as scripted" in stdout
    assert "The agent interrupted itself" in stdout
    assert "to the plugin it was somebody who speaks over the agent" in stdout
    assert "the end of plugin.log" not in stdout
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["self_interruptions_ms"]
    assert {"cancel"} <= {check["name"] for check in summary["checks"] if not check["ok"]}


def test_a_model_that_is_too_slow_fails_the_call_and_says_so(tmp_path):
    code, stdout, _ = run(tmp_path, "--first-audio-ms", "20000")
    assert code == 1
    assert "script at turn_1: expected an answer within 5000 ms" in stdout
    assert "the end of plugin.log" in stdout and "the end of gateway.log" in stdout
    assert not json.loads((tmp_path / "summary.json").read_text())["ok"]


def test_an_interrupted_demo_leaves_no_process_and_no_folder(tmp_path):
    process = start(tmp_path)
    try:
        while "the call is up" not in (line := process.stdout.readline()):
            assert line, "it ended before the call was up"
            if told := re.search(r"control on (\S+)/control.sock", line):
                run_dir = told[1]
        assert processes_that_mention(run_dir)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert not processes_that_mention(run_dir)
    assert not Path(run_dir).exists()


def processes_that_mention(path: str) -> list[str]:
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if path in words:
            found.append(words)
    return found
