"""The Python, its packages and the files that the plugin ships with."""

import hashlib
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources

from sip_plugin.doctor.finding import Finding, fault, ok

MODULES = ("uvloop", "onnxruntime", "aioquic", "soxr")
"""Those that are compiled: they may be there and not load."""
IMPORT_SECS = 30
VAD_MODEL = "silero_vad.onnx"


def examine() -> Iterator[Finding]:
    yield _python()
    for name in MODULES:
        yield _module(name)
    yield _vad_model()


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] not in ((3, 11), (3, 12)):
        return fault("Python", found, "3.11 or 3.12 is needed: make PYTHON=/path/to/python3.12")
    return ok("Python", found)


def _module(name: str) -> Finding:
    """In a process of its own: a library built for another processor ends the one that loads it."""
    advice = "reinstall the environment: make clean, then make test"
    code = f"import {name}; print(getattr({name}, '__version__', ''))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=IMPORT_SECS
        )
    except subprocess.TimeoutExpired:
        return fault(name, f"not imported within {IMPORT_SECS} s", advice)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        why = last[0] if last else f"ended with code {done.returncode}"
        return fault(name, f"cannot be imported: {why}", advice)
    return ok(name, done.stdout.strip() or "imports")


def _vad_model() -> Finding:
    data = resources.files("bridge.audio") / "data"
    advice = "install the package again; its files were changed"
    try:
        sha256 = hashlib.sha256((data / VAD_MODEL).read_bytes()).hexdigest()
        named = re.search(rf"`{VAD_MODEL}` \| `([0-9a-f]{{64}})`", (data / "README.md").read_text())
    except OSError as error:
        return fault("VAD model", f"{error.filename}: {error.strerror}", advice)
    if named is None or named[1] != sha256:
        return fault("VAD model", f"sha256 {sha256[:16]}… is not the one that ships", advice)
    return ok("VAD model", f"{VAD_MODEL}, sha256 {sha256[:16]}…")
