"""Built wheels by all that decides what is in them, so that they are built once."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pjsua2_build.compile import build, recipe
from pjsua2_build.failure import BuildError, say
from pjsua2_build.source import Tarball
from pjsua2_build.target import Target
from pjsua2_build.wheel import own_version, write_wheel


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """One build at a time: a second one waits, and finds the wheel of the first."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another build uses {cache}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def key_of(sha256: str, target: Target) -> str:
    """The system belongs to it: its libraries are linked."""
    try:
        system = Path("/etc/os-release").read_text()
    except OSError:
        system = ""
    parts = (sha256, recipe(), target.tag, target.suffix, target.libc, system)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def kept_wheel(cache: Path, key: str) -> Path | None:
    return next((cache / "wheels" / key).glob("*.whl"), None)


def build_wheel(tarball: Tarball, target: Target, cache: Path, stock: str, jobs: int) -> Path:
    """Build it now, which takes minutes, and keep it."""
    key = key_of(tarball.sha256, target)
    work = Path(tempfile.mkdtemp(prefix="build-", dir=cache))
    try:
        built = build(tarball, target, work, jobs)
        facts = {"pjproject": built.version, "source_sha256": tarball.sha256, "key": key}
        version = own_version(stock, built.version, key)
        wheel = write_wheel(cache / "wheels" / key, version, built, target, facts)
    except BuildError:
        say(f"what was built so far stays in {work}")
        raise
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work)
    say(f"wheel: {wheel} ({wheel.stat().st_size / 1e6:.1f} MB)")
    return wheel
