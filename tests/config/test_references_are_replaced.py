import os

import pytest

from tests.config.files import TRUNK, faults, read


def test_a_variable():
    config = read(TRUNK, {"TRUNK_PASSWORD": "pa$$ ${X} wörd"})
    assert config.trunks["main"].sip_password.get_secret_value() == "pa$$ ${X} wörd"


def test_within_other_text_and_more_than_one():
    config = read('[sip]\nbind = "${HOST}:${PORT}"', {"HOST": "127.0.0.1", "PORT": "5080"})
    assert (config.sip.bind_host, config.sip.bind_port) == ("127.0.0.1", 5080)


def test_a_plain_brace_is_written_with_two_dollars():
    config = read('[sip]\nuser_agent = "a $${B} $c $$ }"', {})
    assert config.sip.user_agent == "a ${B} $c $$ }"


@pytest.mark.parametrize(
    ("table", "key", "text", "value"),
    [
        ("sip", "max_calls", "12", 12),
        ("sip", "answer_timeout_secs", "2.5", 2.5),
        ("media", "inactivity_secs", "5", 5.0),
    ],
)
def test_a_number_may_come_from_a_variable(table, key, text, value):
    config = read(f'[{table}]\n{key} = "${{N}}"', {"N": text})
    assert getattr(getattr(config, table), key) == value


def test_a_boolean_may_come_from_a_variable():
    text = f'{TRUNK}allow_from = ["10.0.0.0/8"]\nrequire_registration = "${{REGISTER}}"\n'
    config = read(text, {"TRUNK_PASSWORD": "x", "REGISTER": "false"})
    assert config.trunks["main"].require_registration is False


@pytest.mark.parametrize("text", ["", "4.0", "0x10", "1_0", "٤", " 4", "true", "1e3", "9" * 5000])
def test_what_only_looks_like_a_number_is_none(text):
    (fault,) = faults('[sip]\nmax_calls = "${N}"', {"N": text})
    assert fault == "f.toml:2: sip.max_calls: must be a whole number"


def test_a_number_from_a_variable_has_the_limits_of_its_key():
    (fault,) = faults('[sip]\nmax_calls = "${N}"', {"N": "-1"})
    assert fault == "f.toml:2: sip.max_calls: must be at least 0"


def test_a_quoted_number_without_a_reference_is_a_fault():
    assert faults('[sip]\nmax_calls = "4"') == [
        "f.toml:2: sip.max_calls: must be a whole number",
    ]


@pytest.mark.parametrize("content", [b"geheim", b"geheim\n", b"geheim\r\n"])
def test_a_file_without_its_line_end(tmp_path, content):
    (tmp_path / "secret").write_bytes(content)
    text = TRUNK.replace("${TRUNK_PASSWORD}", "${file:secret}")
    config = read(text, folder=tmp_path)
    assert config.trunks["main"].sip_password.get_secret_value() == "geheim"


def test_a_file_by_its_absolute_path(tmp_path):
    (tmp_path / "name with spaces").write_text(" kept \n\n")
    text = TRUNK.replace("${TRUNK_PASSWORD}", f"${{file:{tmp_path}/name with spaces}}")
    assert read(text).trunks["main"].sip_password.get_secret_value() == " kept \n"


def test_what_cannot_be_replaced_is_a_fault_with_its_line(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"x" * 600_000)
    (tmp_path / "latin1").write_bytes(b"\xe9\n")
    names = ("UNSET", "file:absent", "file:folder", "file:pipe", "file:big", "file:latin1")
    text = "[sip]\n" + "".join(f'k{i} = "${{{name}}}"\n' for i, name in enumerate(names))
    told = [fault for fault in faults(text, {}, tmp_path) if "unknown key" not in fault]
    assert told == [
        "f.toml:2: sip.k0: the environment variable UNSET is not set",
        "f.toml:3: sip.k1: cannot read the file absent: No such file or directory",
        "f.toml:4: sip.k2: cannot read the file folder: Is a directory",
        "f.toml:5: sip.k3: the file pipe is not a regular file",
        "f.toml:6: sip.k4: the file big has more than 524288 bytes",
        "f.toml:7: sip.k5: the file latin1 does not hold UTF-8 text",
    ]


@pytest.mark.parametrize("reference", ["${", "${}", "${A B}", "${9}", "${a${B}}", "${A", "${A}${"])
def test_what_is_no_reference_is_a_fault(reference):
    (fault,) = faults(f"[sip]\nuser_agent = '{reference}'", {"A": "a", "B": "b"})
    assert fault.startswith("f.toml:2: sip.user_agent: not a reference: write ${NAME} for")


def test_a_variable_that_is_not_text():
    raw = os.fsdecode(b"\xff")
    (fault,) = faults(TRUNK, {"TRUNK_PASSWORD": raw})
    assert fault == (
        "f.toml:4: trunks.main.sip_password: "
        "the environment variable TRUNK_PASSWORD does not hold UTF-8 text"
    )
