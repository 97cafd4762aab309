"""The command line of scripts/build-pjsua2."""

import argparse
import os
import shutil
from pathlib import Path

from pjsua2_build import source
from pjsua2_build.cache import build_wheel, kept_wheel, key_of, locked
from pjsua2_build.failure import BuildError, complain, say
from pjsua2_build.install import install, install_stock, stock_version
from pjsua2_build.target import Target, ask
from pjsua2_build.tools import check_tools, missing_packages

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_VENV = PROJECT / ".venv"

_ABOUT = """\
Builds pjsua2, the Python binding of the SIP stack pjproject, with room for 1024 calls and 64
trunks a process, and installs it into the environment in place of the wheel of the package
index, which has room for 4 calls and 8 trunks. Takes minutes, and seconds from the second time
on: wheels are kept. docs/pjsua2.md tells more.
"""


def main() -> int:
    options = _parser().parse_args()
    try:
        _run(options)
    except BuildError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build-pjsua2", description=_ABOUT)
    parser.add_argument(
        "--venv",
        type=Path,
        metavar="DIR",
        help="install into this environment; .venv, unless --python is given",
    )
    parser.add_argument(
        "--python", metavar="PYTHON", help="build for this Python, such as /usr/bin/python3.12"
    )
    parser.add_argument("--wheel-dir", type=Path, metavar="DIR", help="copy the wheel there")
    parser.add_argument(
        "--source",
        metavar="PATH_OR_URL",
        help="a pjproject tarball instead of Debian's source package",
    )
    parser.add_argument("--sha256", default="", help="that tarball's checksum; needed with it")
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="compilers at a time; %(default)s",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        default=Path.home() / ".cache/sip-plugin-pjsua2",
        help="keeps sources and wheels; %(default)s",
    )
    parser.add_argument(
        "--missing",
        action="store_true",
        help="only print the Debian packages that a build lacks, in one line",
    )
    parser.add_argument(
        "--stock", action="store_true", help="go back to the wheel of the package index"
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    if bool(options.source) != bool(options.sha256):
        raise BuildError("--source and --sha256 belong together: give both, or neither")
    if options.jobs < 1:
        raise BuildError("--jobs: at least 1")
    venv = options.venv or (None if options.python else DEFAULT_VENV)
    into = _python_of(venv) if venv else None
    stock = stock_version(PROJECT)
    if options.stock:
        if into is None:
            raise BuildError("--stock needs --venv: which environment?")
        install_stock(into, stock)
        return
    target = ask(_program(options.python) if options.python else into)
    if into and ask(into).tag != target.tag:
        raise BuildError(f"{venv} has another Python than {options.python}")
    if options.missing:
        print(" ".join(missing_packages(target, not options.source)))
        return
    cache = options.cache.expanduser().resolve()
    with locked(cache):
        wheel = _wheel(options, target, cache, stock)
    if options.wheel_dir:
        options.wheel_dir.mkdir(parents=True, exist_ok=True)
        say(f"wheel: {shutil.copy(wheel, options.wheel_dir)}")
    if into:
        install(into, wheel)


def _wheel(options: argparse.Namespace, target: Target, cache: Path, stock: str) -> Path:
    expected = options.sha256.lower() or source.PINNED_SHA256
    if kept := kept_wheel(cache, key_of(expected, target)):
        say(f"wheel: {kept.name} (built before)")
        return kept
    # Before anything is downloaded.
    check_tools(target, from_debian=not options.source)
    if options.source:
        tarball = source.given(options.source, options.sha256, cache)
    else:
        tarball = source.pinned(cache)
    return build_wheel(tarball, target, cache, stock, options.jobs)


def _python_of(venv: Path) -> Path:
    python = venv / "bin" / "python"
    if not python.exists():
        raise BuildError(
            f"{venv}: no environment there. `make test` or `scripts/setup-venv {venv} test` makes "
            "one; or build a wheel only: --python PYTHON --wheel-dir DIR"
        )
    return python.absolute()


def _program(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise BuildError(f"--python {name}: no such program")
    return Path(found)
