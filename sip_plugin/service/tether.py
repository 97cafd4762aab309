"""Ties a child process to the life of its parent, then becomes the real program.

Run as a script: `python -I -S tether.py PARENT_PID COMMAND [ARGUMENT ...]`. The kernel is asked
to send SIGTERM when the parent dies, however it dies (PR_SET_PDEATHSIG, prctl(2); it survives
execve), so that a supervisor that is killed leaves no telephone calls behind. It is asked for
here, after the exec and before there are threads, rather than between fork and exec, where
Python code may deadlock. SIGTERM, not SIGKILL: the SIP process must be able to say BYE to
its callers. What ignores it is killed by the next supervisor (see run_dir.py).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            error = ctypes.get_errno()
            sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(error)}")
        if os.getppid() != parent:  # it died before the kernel was asked
            sys.exit("the supervisor has gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
