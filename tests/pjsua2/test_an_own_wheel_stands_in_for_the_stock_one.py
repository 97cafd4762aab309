import base64
import csv
import hashlib
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename
from pjsua2_build.cache import key_of
from pjsua2_build.compile import Built
from pjsua2_build.install import stock_version
from pjsua2_build.target import Target, ask
from pjsua2_build.wheel import own_version, write_wheel

PROJECT = Path(__file__).parents[2]
KEY = "00123456789"


@pytest.fixture
def target() -> Target:
    return ask(Path(sys.executable))


@pytest.fixture
def wheel(tmp_path: Path, target: Target) -> Path:
    for name in ("extension", "binding", "licence"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    built = Built("2.17", tmp_path / "extension", tmp_path / "binding", tmp_path / "licence")
    version = own_version(stock_version(PROJECT), "2.17", KEY)
    return write_wheel(tmp_path / "wheels", version, built, target, {"pjproject": "2.17"})


def test_the_projects_requirement_is_met_so_that_pip_leaves_it_alone(wheel: Path):
    name, version, _, tags = parse_wheel_filename(wheel.name)
    assert name == "pjsua2-python"
    assert SpecifierSet(f"=={stock_version(PROJECT)}").contains(version)
    assert version.local == f"pjproject.2.17.b{KEY[:8]}"
    assert len(tags) == 1


def test_it_has_the_modules_of_the_stock_one(wheel: Path, target: Target):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {
        "pjsua2/__init__.py",
        "pjsua2/pjsua2.py",
        f"pjsua2/_pjsua2{target.suffix}",
        "pjsua2/build.json",
    } <= names


def test_its_record_is_true(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith("/RECORD"))
        rows = list(csv.reader(archive.read(record).decode().splitlines()))
        assert {name for name, *_ in rows} == set(archive.namelist())
        for name, told, size in rows:
            if name == record:
                continue
            data = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
            assert (told, size) == (f"sha256={digest.decode()}", str(len(data)))


def test_the_same_build_gives_the_same_bytes(wheel: Path, tmp_path: Path, target: Target):
    built = Built("2.17", tmp_path / "extension", tmp_path / "binding", tmp_path / "licence")
    version = own_version(stock_version(PROJECT), "2.17", KEY)
    again = write_wheel(tmp_path / "again", version, built, target, {"pjproject": "2.17"})
    assert again.read_bytes() == wheel.read_bytes()


def test_another_source_or_python_is_built_anew(target: Target):
    other = Target(target.python, "3.99", target.include, ".so", target.platform, target.libc)
    keys = {key_of("a", target), key_of("b", target), key_of("a", other)}
    assert len(keys) == 3
    assert key_of("a", target) == key_of("a", target)
