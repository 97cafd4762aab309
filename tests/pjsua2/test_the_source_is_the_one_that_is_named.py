import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from pjsua2_build import source
from pjsua2_build.failure import BuildError

SCRIPT = Path(__file__).parents[2] / "scripts" / "build-pjsua2"

# Two records as `apt-cache showsrc` prints them, cut to what counts.
LISTING = f"""\
Package: asterisk
Version: 1:22.11.0+dfsg-1
Checksums-Sha256:
 {"0" * 64} 6775552 asterisk_22.11.0+dfsg.orig-Xpjproject.tar.xz
 {source.PINNED_SHA256} 11276 asterisk_22.11.0+dfsg.orig-Xamr.tar.xz

Package: asterisk
Version: 1:22.10.2+dfsg-1
Checksums-Sha256:
 {"1" * 64} 5389 asterisk_22.10.2+dfsg-1.dsc
 {source.PINNED_SHA256} 6775552 asterisk_22.10.2+dfsg.orig-Xpjproject.tar.xz
"""


def test_a_later_debian_version_with_the_same_tarball_will_do():
    found, versions = source.find_version(LISTING, source.PINNED_SHA256)
    assert found == "1:22.10.2+dfsg-1"
    assert versions == ["1:22.11.0+dfsg-1", "1:22.10.2+dfsg-1"]


def test_a_debian_that_moved_on_is_told_with_what_it_has():
    assert source.find_version(LISTING, "a" * 64) == (
        "",
        ["1:22.11.0+dfsg-1", "1:22.10.2+dfsg-1"],
    )


def test_a_tarball_with_its_checksum_is_taken(tmp_path):
    tarball = tmp_path / "pjproject.tar.gz"
    tarball.write_bytes(b"a tarball")
    sha256 = hashlib.sha256(b"a tarball").hexdigest()
    assert source.given(str(tarball), sha256.upper(), tmp_path) == source.Tarball(tarball, sha256)


def test_a_tarball_with_another_checksum_is_not_used(tmp_path):
    tarball = tmp_path / "pjproject.tar.gz"
    tarball.write_bytes(b"something else")
    with pytest.raises(BuildError, match="not used"):
        source.given(str(tarball), "0" * 64, tmp_path)


def test_a_kept_source_that_was_changed_is_fetched_again(tmp_path, monkeypatch):
    kept = tmp_path / "sources" / f"{source.PINNED_SHA256}.tar.xz"
    kept.parent.mkdir()
    kept.write_bytes(b"changed")
    monkeypatch.setenv("SIP_PLUGIN_DEBIAN_MIRROR", f"file://{tmp_path}/no-mirror")
    with pytest.raises(BuildError):
        source.pinned(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "pjproject.tar.gz"], "--sha256 belong together"),
        (["--venv", "/nonexistent/venv"], "no environment there"),
        (["--python", "/nonexistent/python"], "no such program"),
        (["--jobs", "0"], "--jobs: at least 1"),
    ],
)
def test_what_was_asked_wrongly_is_one_line_and_code_1(arguments, said):
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
