"""Asterisk 22 as the trunk: registrar with digest, a caller with a prompt, a recorder.

It runs in the tree that scripts/install-peers made, in a chroot, with every writable path in
a folder of this instance.
"""

import os
import platform
import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.peers.absent import absent
from tests.peers.certificates import Authority
from tests.peers.ports import Ports
from tests.peers.process import Process, wait_until
from tests.peers.waves import RATE_HZ, read_wav, write_wav

TREE = (
    Path(os.environ.get("SIP_PLUGIN_PEERS") or Path.home() / ".cache" / "sip-plugin-peers")
    / "asterisk"
)
TEMPLATES = Path(__file__).parent / "asterisk"
REALM = "trunk.test"
TLS_NAMES = ("localhost", "127.0.0.1", "::1", "sip1.provider.test")
"""Of its certificate."""
PASSWORD = "s3cret"
_WAV = {8000: "wav", 16000: "wav16"}
"""What Asterisk calls a WAV file of that rate."""


def check_asterisk() -> None:
    """Ends the test when Asterisk cannot be run here."""
    if not (TREE / ".complete").exists():
        absent("Asterisk 22", f"not in {TREE}")
    if os.geteuid() != 0:
        absent("Asterisk 22", "it runs in a chroot, which needs root", "run the tests as root")


@dataclass(frozen=True)
class OriginatedCall:
    """A call that Asterisk placed. The recordings are mono, int16, at `rate_hz`."""

    asterisk: "Asterisk"
    name: str
    rate_hz: int

    def recording(self, side: str) -> np.ndarray:
        """What Asterisk heard (`rx`) or said (`tx`) so far; empty before the call is answered."""
        return self.asterisk.recording(self.name, side, self.rate_hz)


class Asterisk:
    """One running Asterisk; `stop` when done with it."""

    def __init__(self, ports: Ports, folder: Path, host: str = "127.0.0.1") -> None:
        self._host = host
        rtp = ports.block()
        self.sip_port = ports.one()
        self.tls_port = ports.one()
        _sweep()
        self._inside = Path(tempfile.mkdtemp(prefix=f"sip-plugin-{os.getpid()}-", dir=TREE / "run"))
        self._chroot_path = Path("/run") / self._inside.name
        self.recordings = self._inside / "recordings"
        self._outgoing = self._inside / "spool" / "outgoing"
        self._prompts = self._inside / "prompts"
        self._calls = 0
        for path in (self._inside / "etc", self.recordings, self._outgoing, self._prompts):
            path.mkdir(parents=True)
        self._authority = Authority(folder)
        self.ca_file = self._authority.ca_file
        self._certify()
        values = {
            "FOLDER": str(self._chroot_path),
            "MODULES": f"/usr/lib/{platform.machine()}-linux-gnu/asterisk/modules",
            "HOST": host,
            "SIP_PORT": str(self.sip_port),
            "TLS_PORT": str(self.tls_port),
            "RTP_START": str(rtp.start),
            "RTP_END": str(rtp.stop - 1),
        }
        for template in TEMPLATES.glob("*.conf"):
            text = template.read_text()
            for name, value in values.items():
                text = text.replace(f"@{name}@", value)
            (self._inside / "etc" / template.name).write_text(text)
        self._config = f"{self._chroot_path}/etc/asterisk.conf"
        self._process = Process(
            "asterisk",
            ["chroot", TREE, "/usr/sbin/asterisk", "-f", "-n", "-C", self._config],
            folder,
        )
        try:
            self._process.wait_until(
                lambda: (self._inside / "asterisk.ctl").exists(), "its control socket", 20
            )
            self.command("core waitfullybooted")
        except BaseException:
            self.stop()
            raise

    def _certify(self) -> None:
        """For connections to 127.0.0.1 and to localhost; it runs as root, and reads them."""
        certificate = self._authority.issue("asterisk", *TLS_NAMES)
        inside = self._inside / "tls"
        inside.mkdir()
        shutil.copy(certificate.cert_file, inside / "cert.pem")
        shutil.copy(certificate.key_file, inside / "key.pem")
        shutil.copy(self.ca_file, inside / "ca.pem")

    @property
    def address(self) -> str:
        """HOST:PORT of its SIP transports, UDP and TCP."""
        return f"{self._host}:{self.sip_port}"

    def stop(self) -> None:
        self._process.stop()
        shutil.rmtree(self._inside, ignore_errors=True)

    def command(self, text: str) -> str:
        """What a command on Asterisk's own command line prints."""
        done = subprocess.run(
            ["chroot", TREE, "/usr/sbin/asterisk", "-C", self._config, "-rx", text],
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout

    def messages(self) -> str:
        """Its log."""
        log = self._inside / "messages"
        return log.read_text(errors="replace") if log.exists() else ""

    def add_configuration(self, into: str, name: str, text: str) -> None:
        """Have the file `into` include one of that name, and take it over."""
        folder = self._inside / "etc"
        (folder / name).write_text(text)
        line = f"#include {name}\n"
        whole = (folder / into).read_text()
        if line not in whole:
            (folder / into).write_text(f"{whole}\n{line}")
        reload = "dialplan reload" if into == "extensions.conf" else "module reload res_pjsip.so"
        self.command(reload)

    def wait_message(self, text: str, timeout_secs: float = 20.0) -> None:
        """Until its log has it."""
        wait_until(lambda: text in self.messages(), f"{text!r} in Asterisk's log", timeout_secs)

    def contacts(self, user: str) -> list[str]:
        """The addresses that registered for a user."""
        prefix = f"{user}/"
        words = self.command("pjsip show contacts").split()
        return [word.removeprefix(prefix) for word in words if word.startswith(prefix)]

    def forget_contacts(self) -> None:
        """Drop registrations of plugins that were killed before they could end theirs."""
        self.command("database deltree registrar")

    def wait_registered(self, user: str, timeout_secs: float = 10.0) -> list[str]:
        return wait_until(
            lambda: self.contacts(user), f"a registration of {user} at Asterisk", timeout_secs
        )

    def channels(self) -> list[str]:
        """The channels that are up, by name."""
        lines = self.command("core show channels concise").splitlines()
        return [line.split("!")[0] for line in lines if "!" in line]

    def wait_no_channels(self, timeout_secs: float = 10.0) -> None:
        wait_until(lambda: not self.channels(), "Asterisk's calls to end", timeout_secs)

    @property
    def address_v6(self) -> str:
        """HOST:PORT of its UDP transport of IPv6."""
        return f"[::1]:{self.address.rpartition(':')[2]}"

    def add_prompt(self, name: str, pcm: np.ndarray, rate_hz: int = RATE_HZ) -> None:
        """Make `pcm`, at 8 or 16 kHz, playable as `prompt=name`, and as the extension
        talk-`name`."""
        write_wav(self._prompts / f"{name}.{_WAV[rate_hz]}", pcm, rate_hz)

    def originate(
        self,
        user: str = "1001",
        uri: str = "",
        dial: str = "",
        prompt: str = "",
        digits: str = "",
        listen_secs: float = 5.0,
        caller: str = "+15557650000",
        rate_hz: int = RATE_HZ,
        transfer: str = "",
    ) -> OriginatedCall:
        """Call a registered `user`, or `uri` over the trunk that needs no registration, or have
        the dialplan `dial` a user, so that two channels are joined, of which one can transfer.

        Once answered it records, sends `digits` (RFC 4733), plays `prompt`, listens for
        `listen_secs`, sends the other side on to the SIP address `transfer`, if given, by REFER,
        and hangs up. `rate_hz`, 8000 or 16000: of what it records.
        """
        self._calls += 1
        name = f"call-{self._calls}"
        channel = f"PJSIP/iptrunk/{uri}" if uri else f"PJSIP/{user}"
        if dial:
            channel = f"Local/{dial}@from-ua/n"
        lines = [
            f"Channel: {channel}",
            f"CallerID: <{caller}>",
            "MaxRetries: 0",
            "WaitTime: 20",
            "Context: originated",
            "Extension: s",
            "Priority: 1",
            f"Setvar: NAME={name}",
            f"Setvar: PROMPT={prompt}",
            f"Setvar: DIGITS={digits}",
            f"Setvar: WAV={_WAV[rate_hz]}",
            f"Setvar: LISTEN_SECS={listen_secs}",
            f"Setvar: TRANSFER={transfer}",
        ]
        # Moved in whole, for Asterisk reads a call file as soon as it appears.
        written = self._inside / f"{name}.call"
        written.write_text("\n".join(lines) + "\n")
        written.rename(self._outgoing / written.name)
        return OriginatedCall(self, name, rate_hz)

    def recording(self, name: str, side: str, rate_hz: int = RATE_HZ) -> np.ndarray:
        """The recording `name` of one side, `rx` or `tx`, as far as it is written."""
        path = self.recordings / f"{name}-{side}.{_WAV[rate_hz]}"
        try:
            return read_wav(path, rate_hz)
        except (FileNotFoundError, EOFError, wave.Error):
            return np.zeros(0, np.int16)

    def last_recording(self, side: str) -> np.ndarray:
        """The newest recording of a call that came in to `listen` or `talk-NAME`."""
        found = sorted(self.recordings.glob(f"*-{side}.wav"), key=lambda path: path.stat().st_mtime)
        return read_wav(found[-1]) if found else np.zeros(0, np.int16)


def _sweep() -> None:
    """Remove the folders of test runs that were killed."""
    for left in (TREE / "run").glob("sip-plugin-*-*"):
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
