"""Puts a wheel into an environment in the place of the one that is there."""

import json
import subprocess
import tomllib
from pathlib import Path

from pjsua2_build.failure import BuildError, say
from pjsua2_build.wheel import DISTRIBUTION

_LIMITS = """
import ctypes, importlib, json, os
library = ctypes.CDLL(importlib.import_module("pjsua2._pjsua2").__file__)
library.pj_log_set_level(0)
import pjsua2
endpoint = pjsua2.Endpoint()
endpoint.libCreate()
config = pjsua2.EpConfig()
config.uaConfig.maxCalls = 1_000_000
config.logConfig.level = config.logConfig.consoleLevel = 0
endpoint.libInit(config)
print(json.dumps([endpoint.libVersion().full, library.pjsua_call_get_max_count()]), flush=True)
os._exit(0)
"""


def stock_version(project: Path) -> str:
    """The version that pyproject.toml asks for."""
    table = tomllib.loads((project / "pyproject.toml").read_text())
    for requirement in table["project"]["dependencies"]:
        name, _, version = requirement.partition("==")
        if name.strip() == DISTRIBUTION and version:
            return version.strip()
    raise BuildError(f"pyproject.toml has no dependency {DISTRIBUTION}==VERSION")


def install(python: Path, wheel: Path) -> None:
    _pip(python, "--no-index", str(wheel))
    say(f"installed into {python.parent.parent}: {_loaded(python)}")


def install_stock(python: Path, version: str) -> None:
    """The wheel of the package index again."""
    # Named alone it would count as installed: an own build has the same version, and a label.
    _pip(python, "--only-binary", ":all:", f"{DISTRIBUTION}=={version}")
    say(f"stock wheel {version} in {python.parent.parent}: {_loaded(python)}")


def _pip(python: Path, *what: str) -> None:
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--force-reinstall",
        "--no-deps",
        *what,
    ]
    if subprocess.run(command).returncode != 0:
        raise BuildError(f"pip could not install {what[-1]}; its lines above say why")


def _loaded(python: Path) -> str:
    """What the environment has now, from a process of its own: a bad library may end it."""
    done = subprocess.run([python, "-I", "-c", _LIMITS], text=True, capture_output=True)
    if done.returncode != 0:
        raise BuildError(
            f"installed, but it does not start (exit code {done.returncode}):\n{done.stderr}"
            "`make pjsua2 STOCK=1` goes back to the stock wheel."
        )
    version, calls = json.loads(done.stdout.splitlines()[-1])
    return f"pjproject {version}, {calls} calls a process"
