"""sipp as a caller that follows a scenario message by message, and fails at the first deviation."""

import re
import shutil
from datetime import datetime
from pathlib import Path

from tests.peers.absent import absent
from tests.peers.ports import Ports
from tests.peers.process import PeerError, Process

SCENARIOS = Path(__file__).parent / "sipp"
SETTLE_SECS = 15.0
"""What a scenario may take beside its own pause."""


def check_sipp() -> None:
    """Ends the test when sipp cannot be run here."""
    if not shutil.which("sipp"):
        absent("sipp", "no such program", "apt-get install sip-tester")


class Sipp:
    """One run of a scenario of `tests/peers/sipp`, begun at once."""

    def __init__(
        self,
        ports: Ports,
        folder: Path,
        scenario: str,
        target: str,
        number: str = "+15551234567",
        *,
        rtp_port: int = 9,
        stay_ms: int = 0,
        formats: str = "0 8 101",
        caller: str = "+15557654321",
        source: str = "127.0.0.1",
        calls: int = 1,
        rate: int = 10,
        ptime_ms: int = 20,
        keys: dict[str, str] | None = None,
    ) -> None:
        """Call `number` at `target` (HOST:PORT) from the address `source`, media at `rtp_port`.

        `formats` are the payload types of its offer, `stay_ms` is the scenario's open pause.
        With `calls` it runs that often, `rate` of them begun a second. `keys` are the scenario's
        own `[NAME]`.
        """
        self.scenario = scenario
        self._folder = folder
        self._stay_secs = stay_ms / 1000 + calls / rate
        self._said = folder / "said.log"
        command = [
            "sipp", target, "-sf", SCENARIOS / f"{scenario}.xml", "-s", number,
            "-key", "caller", caller, "-key", "rtp_port", rtp_port, "-key", "formats", formats,
            "-key", "ptime", ptime_ms,
            *(word for pair in (keys or {}).items() for word in ("-key", *pair)),
            "-i", source, "-p", ports.one(), "-mi", source, "-mp", ports.pair(),
            "-m", calls, "-l", calls, "-r", rate, "-d", stay_ms, "-nostdin", "-timeout_error",
            "-timeout", f"{round(self._stay_secs + SETTLE_SECS + 5)}s",
            "-trace_err", "-error_file", folder / "errors.log",
            "-trace_msg", "-message_file", folder / "messages.log",
            "-trace_logs", "-log_file", self._said,
        ]  # fmt: skip
        self.process = Process(f"sipp-{scenario}", command, folder, {"TERM": "dumb"})

    def wait_said(self, pattern: str, timeout_secs: float = 10.0) -> re.Match[str]:
        """Until the scenario's own log has a line that the pattern matches."""

        def said() -> re.Match[str] | None:
            return re.search(pattern, self._read(self._said))

        try:
            return self.process.wait_until(said, f"/{pattern}/ from the scenario", timeout_secs)
        except PeerError as error:
            raise PeerError(f"{error}\n{self._evidence()}") from None

    def remote_rtp_port(self) -> int:
        """Where the far side takes media, once it has answered."""
        return int(self.wait_said(r"RTP (\d+)")[1])

    def wait_passed(self) -> str:
        """Until the scenario is through, every message as it says. Its own log lines."""
        code = self.process.wait(self._stay_secs + SETTLE_SECS + 10)
        if code != 0:
            raise PeerError(f"sipp {self.scenario} ended with {code}\n{self._evidence()}")
        return self._read(self._said)

    def messages(self) -> str:
        """Every SIP message that it sent and received."""
        return self._read(self._folder / "messages.log")

    def setup_secs(self, code: int = 180) -> list[float]:
        """For each call, from its first INVITE to its first answer of that code."""
        begun: dict[str, float] = {}
        taken: dict[str, float] = {}
        for piece in self.messages().split("-" * 47 + " ")[1:]:
            stamp, _, text = piece.partition("\n")
            at = datetime.fromisoformat(stamp.strip()).timestamp()
            call = re.search(r"(?im)^call-id: *(\S+)", text)
            if call and re.search(r"(?m)^INVITE ", text):
                begun.setdefault(call[1], at)
            elif call and re.search(rf"(?m)^SIP/2.0 {code} ", text):
                taken.setdefault(call[1], at)
        return [taken[call] - at for call, at in begun.items() if call in taken]

    def stop(self) -> None:
        self.process.stop(timeout_secs=1.0)

    def _evidence(self) -> str:
        errors = self._read(self._folder / "errors.log").splitlines()[-15:]
        messages = self.messages().splitlines()[-60:]
        return "\n".join(["its errors:", *errors, "its last messages:", *messages])

    def _read(self, path: Path) -> str:
        return path.read_text(errors="replace") if path.exists() else ""
