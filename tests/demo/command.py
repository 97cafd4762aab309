"""`sip-plugin demo` as a process."""

import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-c", "from sip_plugin.cli import main; main()", "demo"]
LIMIT_SECS = 120


def start(out: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--out", str(out), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(out: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(out, *arguments)
    try:
        stdout, stderr = process.communicate(timeout=LIMIT_SECS)
    finally:
        process.kill()
    return process.returncode, stdout, stderr
