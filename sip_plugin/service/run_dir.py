"""The folder where one running plugin has its sockets; held by a lock as long as it lives."""

import contextlib
import fcntl
import logging
import os
import signal
import stat
from pathlib import Path

_LONGEST_SOCKET_PATH = 107
"""`sun_path` of unix(7) without its terminating zero."""


log = logging.getLogger(__name__)


class RunDirError(Exception):
    """The folder cannot be used; the text says why and what to do."""


class RunDir:
    """A folder claimed by this process. `plane.sock` and `control.sock` live in it."""

    def __init__(self, path: Path, lock_fd: int) -> None:
        self.path = path
        self.plane_socket = path / "plane.sock"
        self.control_socket = path / "control.sock"
        self._lock_fd = lock_fd

    def note_child(self, name: str, pid: int) -> None:
        """Leave word of a child, for the next supervisor to find if this one is killed."""
        started = _start_time(pid)
        if started is None:
            return
        try:
            (self.path / f"{name}.child").write_text(f"{pid} {started}\n")
        except OSError as error:
            log.warning("%s: pid of %s not noted: %s", self.path, name, error.strerror)

    def forget_child(self, name: str) -> None:
        (self.path / f"{name}.child").unlink(missing_ok=True)

    def release(self) -> None:
        """Remove the sockets and let the next one in."""
        self.plane_socket.unlink(missing_ok=True)
        self.control_socket.unlink(missing_ok=True)
        os.close(self._lock_fd)


def claim(path: Path) -> RunDir:
    """Take the folder, making it when absent, and clean up what a killed plugin left in it.

    Raises RunDirError when it is not ours alone, or another plugin runs there.
    """
    longest = path / "control.sock"
    if len(os.fsencode(longest)) > _LONGEST_SOCKET_PATH:
        raise RunDirError(
            f"{path}: too long for a Unix socket ({_LONGEST_SOCKET_PATH} bytes with the socket's "
            "name). Set a shorter [service] run_dir."
        )
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(path)
        lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise RunDirError(
            f"{path}: cannot be used as run_dir: {error.strerror}. "
            "Set [service] run_dir to a folder that this user may write."
        ) from error
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock_fd, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock_fd)
        raise RunDirError(
            f"{path}: another sip-plugin runs there (pid {holder}). "
            "Stop it first, or give this one its own [service] run_dir."
        ) from error
    os.ftruncate(lock_fd, 0)
    os.pwrite(lock_fd, f"{os.getpid()}\n".encode(), 0)
    _clean(path)
    return RunDir(path, lock_fd)


def check_private(path: Path) -> None:
    """Sockets here carry secrets and start calls: nobody else may enter, or own, the folder.

    Raises RunDirError, or OSError when it cannot be looked at.
    """
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        raise RunDirError(f"{path}: is not a folder. Remove it or set another [service] run_dir.")
    if facts.st_uid != os.getuid():
        raise RunDirError(
            f"{path}: belongs to another user (uid {facts.st_uid}). Set another [service] run_dir."
        )
    mode = stat.S_IMODE(facts.st_mode)
    if mode & 0o077:
        raise RunDirError(
            f"{path}: other users may enter it (mode {mode:04o}). "
            f"Run `chmod 700 {path}`, or set another [service] run_dir."
        )


def _clean(path: Path) -> None:
    """Only with the lock held: whatever is here belongs to a plugin that is dead."""
    for left in path.glob("*.child"):
        _kill_leftover(left.read_text())
        left.unlink(missing_ok=True)
    for left in path.glob("*.sock"):
        left.unlink(missing_ok=True)


def _kill_leftover(note: str) -> None:
    fields = note.split()
    if len(fields) != 2 or not fields[0].isdigit():
        return
    pid = int(fields[0])
    if _start_time(pid) == fields[1]:  # the pid was not given to some other program since
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _start_time(pid: int) -> str | None:
    """When the process started, in clock ticks since boot (proc_pid_stat(5), field 22)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]
