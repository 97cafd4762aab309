"""What the build needs from the machine, and by which packages it comes."""

import shutil
import subprocess

from pjsua2_build.failure import BuildError
from pjsua2_build.target import Target

PROGRAMS = {
    "gcc": "build-essential",
    "g++": "build-essential",
    "make": "build-essential",
    "swig": "swig",
    "tar": "tar",
    "xz": "xz-utils",
}
FROM_DEBIAN = {"dpkg-source": "dpkg-dev", "apt-get": "apt"}
HEADERS = {
    "openssl/ssl.h": "libssl-dev",
    "srtp2/srtp.h": "libsrtp2-dev",
    "uuid/uuid.h": "uuid-dev",
    "samplerate.h": "libsamplerate0-dev",
}


def missing_packages(target: Target, from_debian: bool) -> list[str]:
    """Names of Debian packages, sorted. A Python of its own has its headers with it."""
    programs = PROGRAMS | (FROM_DEBIAN if from_debian else {})
    missing = {package for name, package in programs.items() if not shutil.which(name)}
    if not (target.include / "Python.h").exists():
        missing.add(f"python{target.version}-dev")
    if shutil.which("gcc"):
        missing |= {package for header, package in HEADERS.items() if not _has_header(header)}
    else:
        missing |= set(HEADERS.values())
    return sorted(missing)


def check_tools(target: Target, from_debian: bool) -> None:
    missing = missing_packages(target, from_debian)
    if missing:
        names = " ".join(missing)
        raise BuildError(
            f"to build, this machine lacks: {names}\n"
            f"Debian and Ubuntu, as root: apt-get install --no-install-recommends {names}\n"
            "Elsewhere: the packages of these names, or with -devel instead of -dev."
        )


def _has_header(name: str) -> bool:
    done = subprocess.run(
        ["gcc", "-E", "-xc", "-o", "/dev/null", "-"],
        input=f"#include <{name}>\n",
        text=True,
        capture_output=True,
    )
    return done.returncode == 0
