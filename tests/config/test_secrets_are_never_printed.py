import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bridge.secret import REVEAL
from sip_plugin.cli.app import app
from sip_plugin.config import Config, ConfigError, load
from tests.config.files import AGENT, SECRETS, TRUNK, read

SECRET = "S3cret-" + "x" * 20
PLACES = [
    ("trunks", "main", "sip_password"),
    ("trunks", "main", "domain"),
    ("trunks", "main", "allow_from"),
    ("trunks", "main", "codec_preferences"),
    ("trunks", "main", "max_ring_secs"),
    ("trunks", "main", "require_registration"),
    ("trunks", "main", "sip_username"),
    ("trunks", "main", "sip_pasword"),
    ("trunks", "main"),
    ("agents", "parrot", "token"),
    ("agents", "parrot", "tokn"),
    ("agents", "parrot", "endpoint"),
    ("agents", "parrot", "mode"),
    ("agents", "parrot", "turn"),
    ("agents", "parrot"),
    ("dialplan", "default", "agent"),
    ("dialplan", "default", "reject"),
    ("dialplan", "routes"),
    ("sip", "bind"),
    ("sip", "max_calls"),
    ("service", "log_level"),
    ("sip",),
    ("password",),
]
WRAPPED = [
    SECRET,
    [SECRET],
    [[SECRET]],
    {"value": SECRET},
    f"\x00{SECRET}",
    f"${{{SECRET}",
    f"quic://{SECRET}:0",
    f"{SECRET}@x",
    "${SECRET}",
    ["${SECRET}"],
]


@pytest.mark.parametrize("path", PLACES, ids=".".join)
@pytest.mark.parametrize("value", WRAPPED, ids=repr)
def test_not_in_the_error_wherever_it_was_put(path, value, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", SECRET)
    for name, text in SECRETS.items():
        monkeypatch.setenv(name, text)
    # An inline table is the only table that can take the place of any other value.
    lines = {
        "trunks": {"main": {"domain": '"sip.example.net"', "sip_username": '"1001"'}},
        "agents": {"parrot": {"endpoint": '"quic://127.0.0.1:4433"'}},
        "dialplan": {"default": {"agent": '"parrot"'}},
        "sip": {},
        "service": {},
    }
    target = lines
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = _toml(value)
    file = tmp_path / "f.toml"
    file.write_text("".join(f"{key} = {_inline(value)}\n" for key, value in lines.items()))
    try:
        config = load(file)
    except ConfigError as error:
        assert SECRET not in str(error) and SECRET not in repr(error)
        assert SECRET not in "".join(traceback.format_exception(error))
    else:
        if path[-1] in ("sip_password", "token"):
            assert SECRET not in repr(config) and SECRET not in config.model_dump_json()


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def _inline(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_inline(v)}" for k, v in value.items()) + " }"
    return value


# No message of pydantic has this sign, so none of its own words is taken for the secret.
@given(st.text(min_size=12, max_size=40).map(lambda text: "§" + text.replace("\x00", "")))
def test_pydantic_itself_does_not_repeat_what_it_refuses(secret):
    for document in (
        {"trunks": {"main": {"domain": "x", "sip_password": [secret]}}},
        {"trunks": {"main": secret}},
        {"password": secret},
        {"agents": {"parrot": {"endpoint": "quic://x:1", "token": {"t": secret}}}},
    ):
        with pytest.raises(ValueError) as refused:
            Config.model_validate(document)
        assert secret not in str(refused.value)


def test_only_the_pipe_to_our_own_processes_has_them():
    config = read(TRUNK + AGENT)
    for text in (repr(config), str(config), config.model_dump_json(), repr(config.model_dump())):
        assert not any(secret in text for secret in SECRETS.values())
    pipe = config.model_dump_json(context=REVEAL)
    assert all(secret in pipe for secret in SECRETS.values())


def test_not_in_the_output_of_check(tmp_path):
    file = tmp_path / "f.toml"
    file.write_text(TRUNK + AGENT)
    result = CliRunner().invoke(app, ["check", "-c", str(file)], env=SECRETS)
    assert result.exit_code == 0
    assert not any(secret in result.output for secret in SECRETS.values())
