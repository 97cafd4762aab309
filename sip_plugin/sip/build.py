"""What the pjsua2 of this environment can do, found out in a process of its own.

To ask it here could end this process: the stock wheel aborts where others raise.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel, ConfigDict

from sip_plugin.sip.errors import StackError

DISTRIBUTION = "pjsua2-python"
PROBE_SECS = 20
STOCK_CALLS = 4
STOCK_ACCOUNTS = 8
"""What every build has room for at least."""
REMEDY = "`make pjsua2` builds one with room for 1024 calls and 64 trunks (docs/pjsua2.md)"


class StackBuild(BaseModel):
    """Found in the order of the fields; a probe that was cut short leaves the rest as they are."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    distribution: str = ""
    """Version of the installed package; with a `+` it is no wheel of the package index."""
    path: str = ""
    assertions: bool = True
    """Misuse ends the process, as far as anyone knows."""
    openssl: str = ""
    """Such as `OpenSSL 3.0.19 27 Jan 2026`; empty: linked with none."""
    pjproject: str = ""
    calls: int = STOCK_CALLS
    """At once, in one process."""
    digest_sha256: bool = False
    srtp_suites: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    tls: bool = False
    accounts: int = STOCK_ACCOUNTS
    """A trunk is an account."""
    ipv6: bool = False
    """An account can use IPv6."""

    @property
    def is_own(self) -> bool:
        """Built by scripts/build-pjsua2, or by another one that labels its version."""
        return "+" in self.distribution

    @property
    def tls_versions(self) -> tuple[str, ...]:
        """By the linked OpenSSL: 1.3 is there from 1.1.1 on."""
        if not self.tls:
            return ()
        found = re.search(r"(\d+)\.(\d+)\.(\d+)", self.openssl)
        number = tuple(map(int, found.groups())) if found else (0, 0, 0)
        return ("1.2", "1.3") if number >= (1, 1, 1) else ("1.2",)


def probe() -> StackBuild:
    """Start a child that tries pjsua2 out; takes about 0.3 s. Raises StackError without one."""
    try:
        distribution = version(DISTRIBUTION)
    except PackageNotFoundError:
        distribution = ""
    command = [sys.executable, "-m", "sip_plugin.sip.build_probe"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECS,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"pjsua2 gave no answer within {PROBE_SECS} s") from None
    found = read_findings(done.stdout.decode(errors="replace"))
    if "pjproject" not in found:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        why = last[0] if last else f"it ended with code {done.returncode}"
        raise StackError(f"pjsua2 cannot be used: {why}. Reinstall it: `make pjsua2 STOCK=1`")
    return StackBuild.model_validate({**found, "distribution": distribution})


def read_findings(text: str) -> dict[str, object]:
    """The child's lines as one object; a line that a crash cut off is left out."""
    found: dict[str, object] = {}
    for line in text.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict):
            found |= told
    return found


def account_shortage(trunks: int) -> str:
    """Why so many trunks cannot be had, or empty. Asks pjsua2 only when that is in doubt."""
    if trunks <= STOCK_ACCOUNTS:
        return ""
    room = probe().accounts
    if trunks <= room:
        return ""
    return f"{trunks} trunks are configured, the installed pjsua2 has room for {room}; {REMEDY}"


def ipv6_shortage() -> str:
    """Why `sip.bind` cannot be an IPv6 address, or empty."""
    if probe().ipv6:
        return ""
    return f"sip.bind is IPv6, which the installed pjsua2 cannot use; {REMEDY}"


def tls_shortage(min_version: str) -> tuple[str, str]:
    """Why TLS of that version cannot be had, else a warning about it; both may be empty."""
    build = probe()
    if not build.tls:
        return f"the installed pjsua2 has no TLS; {REMEDY}", ""
    if min_version not in build.tls_versions:
        most = ", ".join(build.tls_versions)
        why = f'sip.tls.min_version = "{min_version}": the installed pjsua2 has TLS {most} only'
        return f"{why}; {REMEDY}", ""
    if "1.3" not in build.tls_versions:
        return "", f"TLS is that of {build.openssl}, which gets no security fixes; {REMEDY}"
    return "", ""
