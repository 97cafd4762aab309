"""Every prompt that a configuration names must be there and playable, or nothing is loaded."""

from pathlib import Path

import pytest

from sip_plugin.config import ConfigError, load
from tests.peers.waves import tone, write_wav

FILE = """
[trunks.main]
domain = "192.0.2.9"
require_registration = false
allow_from = ["192.0.2.9"]

[agents.a]
endpoint = "quic://127.0.0.1:4433"
fallback = { prompt = "sounds/sorry.wav", transfer = "1001" }

[[dialplan.routes]]
number = "1"
prompt = "closed.wav"

[dialplan.default]
agent = "a"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "sounds").mkdir()
    for name in ("closed.wav", "sounds/sorry.wav"):
        write_wav(tmp_path / name, tone(440, 0.1))
    path = tmp_path / "sip-plugin.toml"
    path.write_text(FILE)
    return path


def test_their_paths_become_absolute(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(file.parent)
    for config in (load(file), load("sip-plugin.toml")):
        assert config.dialplan.routes[0].prompt == str(file.parent / "closed.wav")
        assert config.agents["a"].fallback.prompt == str(file.parent / "sounds/sorry.wav")


def test_one_that_is_missing_is_a_fault_with_its_line(file: Path):
    (file.parent / "closed.wav").unlink()
    (file.parent / "sounds/sorry.wav").write_text("no sound")
    with pytest.raises(ConfigError) as error:
        load(file)
    first, second = str(error.value).splitlines()
    assert ":9: agents.a.fallback.prompt: the file is not a WAV file" in first
    assert ":13: dialplan.routes[0].prompt: the file cannot be read: No such file" in second


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('redirect = "1"\nprompt = "closed.wav"', "prompt has no effect with redirect"),
        ("reject = 486\nring_secs = 2", "ring_secs has no effect with reject"),
        ("reject = 486\nvariables = { a = '1' }", "variables has no effect with reject"),
        ('redirect = "1"\nring_secs = 2', "ring_secs has no effect with redirect"),
        ('transfer = "1001"\nlanguage = "en"', "language has no effect with transfer"),
        ('agent = "a"\nprompt_times = 2', "prompt_times has no effect without prompt"),
        ('agent = "a"\nprompt = "closed.wav"\nhangup_cause = 17', "hangup_cause has no effect"),
    ],
)
def test_a_key_without_effect_is_refused(file: Path, line: str, why: str):
    file.write_text(FILE.replace('prompt = "closed.wav"', line))
    with pytest.raises(ConfigError, match=why):
        load(file)


def test_what_the_processes_are_told_is_what_was_read(file: Path):
    text = FILE.replace(
        'endpoint = "quic://127.0.0.1:4433"',
        'endpoints = { "quic://127.0.0.1:1" = 2, "quic://127.0.0.1:2" = 0 }',
    )
    file.write_text(text.replace('prompt = "closed.wav"', "reject = 486"))
    config = load(file)
    for told in (config.model_dump_json(), config.model_dump_json(exclude_defaults=True)):
        assert type(config).model_validate_json(told) == config
