"""The Python that a wheel is built for."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pjsua2_build.failure import BuildError

_ASK = """
import json, platform, sys, sysconfig
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2],
    "include": sysconfig.get_path("include"),
    "suffix": sysconfig.get_config_var("EXT_SUFFIX"),
    "platform": sysconfig.get_platform().replace("-", "_").replace(".", "_"),
    "libc": " ".join(platform.libc_ver()),
    "implementation": sys.implementation.name,
}))
"""


@dataclass(frozen=True)
class Target:
    python: Path
    version: str
    """Such as 3.11."""
    include: Path
    """Where Python.h is, if anywhere."""
    suffix: str
    """Of extension modules, such as .cpython-311-x86_64-linux-gnu.so."""
    platform: str
    libc: str

    @property
    def tag(self) -> str:
        """Of its wheels (PEP 425)."""
        cpython = f"cp{self.version.replace('.', '')}"
        return f"{cpython}-{cpython}-{self.platform}"


def ask(python: Path) -> Target:
    """Raises BuildError when there is none, or not one that the plugin runs on."""
    try:
        done = subprocess.run([python, "-c", _ASK], text=True, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", "") or str(error)
        raise BuildError(f"{python}: does not run: {why.strip()}") from None
    found = json.loads(done.stdout)
    if found["implementation"] != "cpython" or found["version"] not in ("3.11", "3.12"):
        raise BuildError(
            f"{python} is {found['implementation']} {found['version']}; "
            "the plugin needs CPython 3.11 or 3.12"
        )
    return Target(
        python,
        found["version"],
        Path(found["include"]),
        found["suffix"],
        found["platform"],
        found["libc"],
    )
