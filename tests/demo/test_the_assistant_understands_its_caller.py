"""The command with a real recogniser, a real voice and a synthetic caller, in real time."""

import json
import sys

import numpy as np
import pytest

from sip_plugin.demo import plot
from sip_plugin.demo.script import Kind, Line
from tests.demo.command import run

HOW = "pip install 'clutchcall-sip-plugin[assistant]'"


def test_the_assistants_call_goes_as_scripted(tmp_path):
    pytest.importorskip("pocketsphinx", reason=f"no pocketsphinx: {HOW}")
    pytest.importorskip("espeakng_loader", reason=f"no espeakng-loader: {HOW}")
    code, stdout, stderr = run(tmp_path, "--json", "--agent", "assistant")
    assert code == 0, stderr
    checks = {check["name"]: check for check in json.loads(stdout)["checks"]}
    assert all(checks[name]["ok"] for name in ("understood", "answers", "voice", "backchannel"))
    assert "understood “what are your opening hours”" in stderr


def test_what_is_not_installed_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(ValueError, match=r"pip install 'clutchcall-sip-plugin\[assistant\]'"):
        plot.of("assistant")


def test_the_lines_reach_the_caller_as_they_are(tmp_path):
    lines = [
        Line(f"line_{n}", kind, np.arange(n * 160, dtype=np.int16))
        for n, kind in enumerate([*Kind, *Kind, *Kind, *Kind])
    ]
    plot.save(lines, tmp_path / "lines.npz")
    read = plot.load(tmp_path / "lines.npz")
    assert [(line.name, line.kind) for line in read] == [(line.name, line.kind) for line in lines]
    assert all(np.array_equal(a.pcm, b.pcm) for a, b in zip(read, lines, strict=True))
