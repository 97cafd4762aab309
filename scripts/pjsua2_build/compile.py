"""Configures and compiles pjproject, and links its Python binding."""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from pjsua2_build.failure import BuildError, say
from pjsua2_build.source import Tarball
from pjsua2_build.target import Target

CONFIG_SITE = Path(__file__).with_name("config_site.h")

FLAGS = "-O2 -fPIC -DNDEBUG"
LINK_FLAGS = "-Wl,-z,relro,-z,now"
CONFIGURE = (
    "--enable-epoll",  # select() ends at 1024 sockets
    "--disable-video",
    "--disable-sound",
    "--with-external-srtp",
    # G.722 beside 8 kHz codecs: no call is set up without a resampler, and Debian's tarball has
    # none of its own.
    "--enable-libsamplerate",
    "--disable-speex-aec",
    "--disable-speex-codec",
    "--disable-gsm-codec",
    "--disable-ilbc-codec",
    "--disable-g7221-codec",
    "--disable-libyuv",
    "--disable-libwebrtc",
    "--disable-opus",
    "--disable-silk",
    "--disable-bcg729",
    "--disable-lyra",
    "--disable-opencore-amr",
    "--disable-upnp",
    "--disable-ffmpeg",
    "--disable-v4l2",
    "--disable-sdl",
    "--disable-openh264",
    "--disable-vpx",
)
SWIG = ("-c++", "-python", "-threads", "-w312")
LIBRARIES = ("pjlib", "pjlib-util", "pjmedia", "pjsip", "pjnath")
PROGRESS_SECS = 15


@dataclass(frozen=True)
class Built:
    version: str
    """Of pjproject."""
    extension: Path
    binding: Path
    licence: Path


def recipe() -> str:
    """All that decides what comes out, but for the source and the Python."""
    return "\n".join((CONFIG_SITE.read_text(), FLAGS, LINK_FLAGS, *CONFIGURE, *SWIG))


def build(tarball: Tarball, target: Target, work: Path, jobs: int) -> Built:
    """In the empty folder `work`. Raises BuildError with the last lines of what failed."""
    steps = _Steps(work)
    tree = work / "pjproject"
    tree.mkdir()
    steps.run(
        "unpacking",
        ["tar", "-xf", str(tarball.path.resolve()), "--strip-components=1", "--no-same-owner"],
        tree,
    )
    version = _version(tree)
    say(f"pjproject {version} for Python {target.version}, {jobs} job(s)")
    _adapt(tree)
    flags = {"CFLAGS": FLAGS, "CXXFLAGS": FLAGS, "LDFLAGS": LINK_FLAGS}
    steps.run("configuring", ["./aconfigure", *CONFIGURE], tree, flags)
    steps.run("finding dependencies", ["make", "dep"], tree)
    steps.run("compiling", ["make", f"-j{jobs}", "lib"], tree)
    return _bind(steps, tree, target, version)


def _bind(steps: "_Steps", tree: Path, target: Target, version: str) -> Built:
    folder = tree / "pjsip-apps/src/swig/python"
    includes = [f"-I{tree / name / 'include'}" for name in LIBRARIES]
    steps.run(
        "generating the Python binding",
        ["swig", *SWIG, *includes, "-o", "pjsua2_wrap.cpp", "../pjsua2.i"],
        folder,
    )
    ask = ["make", "--no-print-directory", "-s", "-f", "helper.mak"]
    cflags, ldflags, libs = (
        steps.run("", [*ask, what], folder).split() for what in ("cflags", "ldflags", "libs")
    )
    extension = folder / f"_pjsua2{target.suffix}"
    steps.run(
        "compiling the Python binding",
        [
            "g++",
            *cflags,
            *FLAGS.split(),
            f"-I{target.include}",
            "-c",
            "pjsua2_wrap.cpp",
            "-o",
            "wrap.o",
        ],
        folder,
    )
    steps.run(
        "linking",
        [
            "g++",
            "-shared",
            "wrap.o",
            *ldflags,
            *LINK_FLAGS.split(),
            *(f"-l{name}" for name in libs),
            "-Wl,--strip-debug",
            "-o",
            extension.name,
        ],
        folder,
    )
    return Built(version, extension, folder / "pjsua2.py", tree / "COPYING")


def _version(tree: Path) -> str:
    try:
        text = (tree / "version.mak").read_text()
    except OSError:
        raise BuildError("the tarball is not pjproject: it has no version.mak") from None
    parts = dict(re.findall(r"^export PJ_VERSION_(\w+)\s*:=[ \t]*(\S*)$", text, re.MULTILINE))
    version = ".".join(filter(None, (parts.get(key) for key in ("MAJOR", "MINOR", "REV"))))
    return version + parts.get("SUFFIX", "")


def _adapt(tree: Path) -> None:
    (tree / "pjlib/include/pj/config_site.h").write_text(CONFIG_SITE.read_text())
    if not (tree / "pjmedia/src/pjmedia-audiodev/bdimad_dev.c").exists():
        # Debian strips this sound driver, and names it still.
        makefile = tree / "pjmedia/build/Makefile"
        makefile.write_text(makefile.read_text().replace(" bdimad_dev.o", ""))


class _Steps:
    """Commands with their output in a log, a line as each begins, and one now and then."""

    def __init__(self, work: Path) -> None:
        self._log = work / "build.log"
        self._work = work
        self._began = time.monotonic()

    def run(
        self, what: str, command: list[str], folder: Path, variables: dict[str, str] | None = None
    ) -> str:
        """Its standard output, if `what` is empty: then it is not told of."""
        if what:
            say(f"{self._elapsed():4.0f} s  {what}")
        environment = {**os.environ, **(variables or {}), "LC_ALL": "C"}
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log if what else subprocess.PIPE,
                stderr=log,
            )
            try:
                output = b"" if what else process.communicate()[0]
                self._wait(process)
            except BaseException:
                process.kill()
                process.wait()
                raise
        if process.returncode != 0:
            tail = self._log.read_text(errors="replace").splitlines()[-15:]
            raise BuildError(
                f"{what or command[0]} failed (exit code {process.returncode}):\n"
                + "\n".join(tail)
                + f"\nAll of it: {self._log}"
            )
        return output.decode()

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        while True:
            try:
                process.wait(PROGRESS_SECS)
                return
            except subprocess.TimeoutExpired:
                objects = sum(1 for _ in self._work.rglob("*.o"))
                say(f"{self._elapsed():4.0f} s    … {objects} objects compiled")

    def _elapsed(self) -> float:
        return time.monotonic() - self._began
