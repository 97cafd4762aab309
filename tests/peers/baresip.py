"""baresip as a softphone: it dials or answers by itself, plays a WAV, records both sides."""

import json
import shutil
import socket
import wave
from pathlib import Path

import numpy as np

from tests.peers.absent import absent
from tests.peers.ports import Ports
from tests.peers.process import Process
from tests.peers.waves import RATE_HZ, read_wav, write_wav

TEMPLATE = Path(__file__).parent / "baresip" / "config"


def check_baresip() -> None:
    """Ends the test when baresip cannot be run here."""
    if not shutil.which("baresip"):
        absent("baresip", "no such program", "apt-get install baresip-core")


class Baresip:
    """One running softphone, user `phone`, that answers every call; `stop` when done with it.

    It says `said` (8 kHz, int16) once in each call, and then is silent.
    """

    def __init__(
        self, ports: Ports, folder: Path, said: np.ndarray, account: str = "", codec: str = "pcmu"
    ) -> None:
        # It listens for TLS on the next port, asked or not.
        self.sip_port = ports.pair()
        rtp = ports.block()
        self._control_port = ports.one()
        self._folder = folder
        self._recorded = folder / "recorded"
        self._recorded.mkdir(parents=True)
        self._established = 0
        self._ended = 0
        # Silence at the end: at the end of the file it would stop sending.
        write_wav(folder / "said.wav", np.concatenate((said, np.zeros(60 * RATE_HZ, np.int16))))
        values = {
            "FOLDER": str(folder),
            "MODULES": _module_path(),
            "SIP_PORT": str(self.sip_port),
            "RTP_START": str(rtp.start),
            "RTP_END": str(rtp.stop - 1),
            "CONTROL_PORT": str(self._control_port),
        }
        text = TEMPLATE.read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        (folder / "config").write_text(text)
        account = account or "<sip:phone@127.0.0.1>;regint=0"
        (folder / "accounts").write_text(f"{account};answermode=auto;audio_codecs={codec}\n")
        self.process = Process("baresip", ["baresip", "-f", folder], folder)
        try:
            self._control = self.process.wait_until(self._connect, "its control port")
        except BaseException:
            self.process.stop()
            raise

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.sip_port}"

    def dial(self, uri: str) -> None:
        self._command("dial", uri)

    def hang_up(self) -> None:
        self._command("hangup")

    def hold(self) -> None:
        self._command("hold")

    def resume(self) -> None:
        self._command("resume")

    def wait_established(self, timeout_secs: float = 15.0) -> None:
        """Until its next call is up."""
        self._established += 1
        self.process.wait_for("Call established", timeout_secs, self._established)

    def wait_ended(self, timeout_secs: float = 15.0) -> None:
        """Until its next call has ended, from either side."""
        self._ended += 1
        self.process.wait_for(r"Call with \S+ terminated", timeout_secs, self._ended)

    def heard(self) -> np.ndarray:
        """What came from the far side of the last call, once it has ended."""
        return self._recording("dec")

    def sent(self) -> np.ndarray:
        """What went to the far side of the last call, once it has ended."""
        return self._recording("enc")

    def stop(self) -> None:
        self._control.close()
        self.process.stop()

    def _recording(self, side: str) -> np.ndarray:
        def written() -> np.ndarray | None:
            found = sorted(self._recorded.glob(f"*-{side}.wav"))
            try:
                return read_wav(found[-1])
            except (IndexError, EOFError, wave.Error):
                return None

        return self.process.wait_until(written, f"its recording *-{side}.wav")

    def _connect(self) -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", self._control_port), timeout=2)
        except ConnectionRefusedError:
            return None

    def _command(self, name: str, params: str = "") -> None:
        body = json.dumps({"command": name, "params": params}).encode()
        self._control.sendall(b"%d:%s," % (len(body), body))


def _module_path() -> str:
    for path in (Path("/usr/lib/baresip/modules"), Path("/usr/local/lib/baresip/modules")):
        if path.is_dir():
            return str(path)
    absent("baresip", "no modules in /usr/lib/baresip/modules", "apt-get install baresip-core")
