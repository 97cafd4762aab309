"""Where the source of pjproject comes from, and how it is known to be the right one."""

import hashlib
import os
import re
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from pjsua2_build.failure import BuildError, say

PINNED_SHA256 = "6860c2f7604b4eee75f38151a9ef69774eb3f0c5286fc1d14bc1db2dc5a9e8aa"
"""pjproject 2.17 as Debian's source package `asterisk` 22.10.1 carries it: its component
tarball orig-Xpjproject, without the parts that Debian strips."""

PACKAGE = "asterisk"
SUITES = ("sid", "testing")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEFAULT_MIRROR = "http://deb.debian.org/debian"
MAX_BYTES = 200_000_000
DOWNLOAD_SECS = 60
APT_SECS = 600


@dataclass(frozen=True)
class Tarball:
    path: Path
    sha256: str


def pinned(cache: Path) -> Tarball:
    """The pinned source: from the cache, else from Debian with its signatures checked."""
    kept = cache / "sources" / f"{PINNED_SHA256}.tar.xz"
    if kept.exists() and sha256_of(kept) == PINNED_SHA256:
        say(f"source: {kept} (checksum as pinned)")
        return Tarball(kept, PINNED_SHA256)
    kept.parent.mkdir(parents=True, exist_ok=True)
    if not KEYRING.exists():
        raise BuildError(
            f"no {KEYRING}, which Debian's signatures are checked with.\n"
            "Debian and Ubuntu: apt-get install debian-archive-keyring. Elsewhere: "
            "--source with a pjproject 2.17 tarball, and --sha256."
        )
    with tempfile.TemporaryDirectory(prefix="apt-", dir=cache) as folder:
        found = _from_debian(Path(folder), _mirror())
        _check(found, PINNED_SHA256, found.name)
        found.replace(kept)
    say(f"source: {kept} (signatures and checksum good)")
    return Tarball(kept, PINNED_SHA256)


def given(where: str, sha256: str, cache: Path) -> Tarball:
    """A tarball named by its user: a path, or an http(s) URL. It must have that checksum."""
    sha256 = sha256.lower()
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise BuildError("--sha256: must be the 64 hexadecimal digits that sha256sum prints")
    if not re.match(r"https?://", where):
        path = Path(where)
        if not path.is_file():
            raise BuildError(f"--source {where}: no such file")
        _check(path, sha256, where)
        return Tarball(path, sha256)
    kept = cache / "sources" / f"{sha256}.tar"
    if not (kept.exists() and sha256_of(kept) == sha256):
        kept.parent.mkdir(parents=True, exist_ok=True)
        say(f"source: downloading {where}")
        partial = kept.with_suffix(".partial")
        _download(where, partial)
        _check(partial, sha256, where)
        partial.replace(kept)
    return Tarball(kept, sha256)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path, wanted: str, name: str) -> None:
    found = sha256_of(path)
    if found != wanted:
        raise BuildError(f"{name}: its sha256 is {found}, not {wanted}: not used")


def _download(url: str, to: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_SECS) as answer, to.open("wb") as file:
            size = 0
            while block := answer.read(1 << 16):
                size += len(block)
                if size > MAX_BYTES:
                    raise BuildError(f"{url}: more than {MAX_BYTES} bytes: no pjproject tarball")
                file.write(block)
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise BuildError(f"{url}: cannot be downloaded: {error}") from None


# --- Debian -------------------------------------------------------------------------------


def _mirror() -> str:
    if named := os.environ.get("SIP_PLUGIN_DEBIAN_MIRROR"):
        return named
    for file in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        for uri in re.findall(r"^URIs:\s*(\S+)", file.read_text(errors="replace"), re.MULTILINE):
            if uri.rstrip("/").endswith("/debian"):
                return uri
    return DEFAULT_MIRROR


def _from_debian(folder: Path, mirror: str) -> Path:
    """Download the package's source into `folder`; the component tarball's path.

    By apt with a configuration of its own: the machine's lists and sources stay as they are.
    """
    seen: list[str] = []
    for suite in SUITES:
        say(f"source: asking {mirror} {suite} for {PACKAGE}'s source package")
        apt = _Apt(folder / suite, mirror, suite)
        apt("apt-get", "-qq", "update")
        listing = apt("apt-cache", "showsrc", "--only-source", PACKAGE)
        version, versions = find_version(listing, PINNED_SHA256)
        seen += [f"{each} ({suite})" for each in versions]
        if version:
            say(f"source: downloading {PACKAGE} {version}, 13 MB")
            apt(
                "apt-get",
                "-qq",
                "source",
                "--download-only",
                "--only-source",
                f"{PACKAGE}={version}",
            )
            return next(p for p in apt.folder.iterdir() if p.name.endswith("Xpjproject.tar.xz"))
    raise BuildError(
        f"Debian has moved on: none of {', '.join(seen) or 'its versions'} carries the pjproject "
        f"2.17 that this script pins (sha256 {PINNED_SHA256}).\n"
        "Give a pjproject release yourself: --source https://…/pjproject-2.17.tar.gz --sha256 …, "
        "or the pinned tarball from an archive of Debian: --source FILE --sha256 (as above)."
    )


def find_version(listing: str, sha256: str) -> tuple[str, list[str]]:
    """In the records of `apt-cache showsrc`: the version with such a file (or empty), and all."""
    versions, found = [], ""
    for record in listing.split("\n\n"):
        version = re.search(r"^Version: (\S+)", record, re.MULTILINE)
        if version is None:
            continue
        versions.append(version[1])
        if re.search(rf"^ {sha256} \d+ \S+Xpjproject\.tar\.xz$", record, re.MULTILINE):
            found = version[1]
    return found, versions


class _Apt:
    """apt with state, cache and sources of its own."""

    def __init__(self, folder: Path, mirror: str, suite: str) -> None:
        self.folder = folder
        for name in ("state/lists/partial", "cache/archives/partial", "parts"):
            (folder / name).mkdir(parents=True)
        (folder / "sources.list").write_text(
            f"deb-src [signed-by={KEYRING}] {mirror} {suite} main\n"
        )
        config = {
            "Dir::State": folder / "state",
            "Dir::State::lists": folder / "state/lists",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": folder / "parts",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": folder / "parts",
            "Acquire::Languages": "none",
            "Acquire::Retries": 3,
            "APT::Sandbox::User": "root",  # apt's own user may not enter the folder
        }
        text = "".join(f'{key} "{value}";\n' for key, value in config.items())
        (folder / "apt.conf").write_text(text)

    def __call__(self, *command: str) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C"}
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                text=True,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=APT_SECS,
            )
        except FileNotFoundError:
            raise BuildError(
                f"no {command[0]}: the pinned source comes by apt. Give a pjproject 2.17 tarball "
                "with --source and --sha256."
            ) from None
        except subprocess.TimeoutExpired:
            raise BuildError(f"{' '.join(command)}: no end after {APT_SECS} s") from None
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise BuildError(f"{' '.join(command)}: failed\n{tail}")
        return done.stdout
