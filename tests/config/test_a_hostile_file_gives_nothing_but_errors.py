import json
import math
import string

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sip_plugin.config import Config, ConfigError, load
from sip_plugin.config.load import MAX_FILE_BYTES
from tests.config.files import AGENT, TRUNK, faults, read

WORDS = st.sampled_from(
    [
        "sip",
        "media",
        "trunks",
        "agents",
        "dialplan",
        "routes",
        "default",
        "main",
        "parrot",
        "domain",
        "agent",
        "number",
        "reject",
        "turn",
        "bind",
        "max_calls",
        "allow_from",
        "${A}",
    ]
)
SCALARS = (
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | WORDS
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


def _toml(value):
    match value:
        case dict():
            return "{" + ",".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_toml, value)) + "]"
        case float() if not math.isfinite(value):
            return {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
        case str():
            return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
    return json.dumps(value)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_any_values_anywhere(tables):
    text = "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in tables.items())
    try:
        config = read(text, {"A": "1"})
    except ConfigError as error:
        assert error.issues
        assert all(1 <= issue.line <= len(tables) for issue in error.issues)
    else:
        assert isinstance(config, Config)


@given(st.text(max_size=300) | st.text(string.printable, max_size=300))
@example("a = 1e999999")
@example("a = 2020-99-99")
@example("[" * 400)
@example("x = '''")
def test_any_text(text):
    for fault in faults(text):
        assert fault.startswith("f.toml") and fault.count("\n") == 0


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile") / "f.toml"


@given(st.binary(max_size=300))
@example(b"\xff")
@example(b"\xef\xbb\xbf[sip]\nbogus = 1")
def test_any_bytes(file, content):
    file.write_bytes(content)
    try:
        load(file)
    except ConfigError as error:
        assert all(str(issue).startswith(str(file)) for issue in error.issues)


@pytest.mark.parametrize("depth", [20, 900, 100_000])
def test_deep_nesting(depth):
    for text in (
        "a = " + "[" * depth + "]" * depth,
        "sip = " + "{a=" * depth + "1" + "}" * depth,
    ):
        (fault, *_) = faults(text)
        assert fault.startswith("f.toml")


@pytest.mark.parametrize("depth", [20, 900, 5_000])
def test_deep_keys(depth):
    for text in (
        ".".join("a" * depth) + " = 1",
        "[" + ".".join("a" * depth) + "]",
        "[[" + ".".join("a" * depth) + "]]",
    ):
        told = faults(text)
        assert told and all(fault.startswith("f.toml:1: ") for fault in told)


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "-" + "9" * 30, "0x" + "f" * 5000])
def test_huge_numbers(number):
    (fault,) = faults(f"[sip]\nbind = '127.0.0.1'\nmax_calls = {number}\n")
    assert fault.startswith("f.toml:3: ") and "9999" not in fault


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
def test_numbers_that_are_none(number):
    (fault,) = faults(f"[service]\ndrain_secs = {number}\n")
    assert fault == "f.toml:2: service.drain_secs: must be a finite number"


def test_thousands_of_faults_are_cut_short():
    told = faults("[sip]\n" + "".join(f"bogus{n} = 1\n" for n in range(5000)))
    assert len(told) == 101 and told[-1].endswith("there may be more: correct these first")


def test_keys_cannot_steer_a_terminal():
    (fault,) = faults('[sip]\n"\\u001b[31m\\n" = 1\n')
    assert fault.startswith("f.toml:2: sip.\\x1b[31m\\n: unknown key")


def test_thousands_of_routes_are_read():
    route = '[[dialplan.routes]]\nnumber = "+1555{0:07}"\nagent = "parrot"\n'
    config = read(TRUNK + AGENT + "".join(route.format(n) for n in range(2000)))
    assert len(config.dialplan.routes) == 2000


def test_a_file_that_is_too_big_or_no_file(tmp_path):
    big = tmp_path / "big.toml"
    big.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    for path in (big, tmp_path, tmp_path / "absent.toml"):
        with pytest.raises(ConfigError, match=str(path)):
            load(path)
