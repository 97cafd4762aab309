import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pjsua2_build.failure import BuildError
from pjsua2_build.target import Target, ask
from pjsua2_build.tools import check_tools, missing_packages


@pytest.fixture
def target() -> Target:
    return ask(Path(sys.executable))


def test_without_tools_every_package_is_named_once(target, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = missing_packages(replace(target, include=tmp_path), from_debian=True)
    assert missing == sorted(set(missing))
    assert {"build-essential", "swig", "libssl-dev", "libsrtp2-dev", "uuid-dev"} < set(missing)
    assert f"python{target.version}-dev" in missing
    assert "dpkg-dev" in missing


def test_a_given_tarball_needs_none_of_debians_tools(target, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "dpkg-dev" not in missing_packages(target, from_debian=False)


def test_the_error_says_what_to_install(target, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"apt-get install .*build-essential"):
        check_tools(target, from_debian=False)
