"""Keeps one trunk registered: when to ask, and when to ask again (RFC 3261 section 10).

A core without I/O. The SIP stack answers a challenge and refreshes in time; a refusal of any
kind is retried here, since the stack gives up on a 403.
"""

import random
from dataclasses import dataclass

from sip_plugin.planes.messages import TrunkState

FIRST_RETRY_SECS = 2.0
LONGEST_RETRY_SECS = 300.0
ANSWER_SECS = 40.0
"""The stack gives up on a REGISTER after 32 s (timer F); later than this nothing will come."""

_HINTS = {
    401: "Check username and password.",
    403: "Check username and password.",
    404: "Check username and domain.",
    407: "Check username and password.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What came of an input: the new state to tell, and whether to send a REGISTER now."""

    state: TrunkState | None = None
    register: bool = False
    line: str = ""
    """For the log."""
    warning: bool = False


class Registration:
    """Feed the answers and the time; times are seconds of a monotonic clock."""

    def __init__(self, trunk: str, server: str, rng: random.Random | None = None) -> None:
        self._trunk = trunk
        self._server = server
        self._rng = rng or random.Random()
        self._failures = 0
        self._due: float | None = None
        """When to act: send the next REGISTER, or give up waiting for an answer."""
        self._asking = False
        self._stopped = False
        self.state = TrunkState(name=trunk, state="unregistered")

    @property
    def is_registered(self) -> bool:
        return self.state.state == "registered"

    def start(self, now: float) -> Step:
        return self._ask(now)

    def stop(self) -> None:
        """No more attempts; what still comes is only noted."""
        self._stopped, self._due = True, None

    def tick(self, now: float) -> Step:
        """Call a few times a second."""
        if self._due is None or now < self._due or self._stopped:
            return Step()
        if self._asking:
            return self.answered(408, "no answer", 0, now)
        return self._ask(now)

    def answered(
        self, code: int, reason: str, expires_secs: int, now: float, retry_after_secs: float = 0.0
    ) -> Step:
        """A REGISTER, or a refresh by the stack, got its final answer; 408: none came."""
        self._asking, self._due = False, None
        if code // 100 == 2 and expires_secs > 0:
            first = not self.is_registered
            self._failures = 0
            text = f"trunk {self._trunk}: registered with {self._server} for {expires_secs} s"
            return self._tell("registered", code, reason, text if first else "", expires_secs)
        if self._stopped or code // 100 == 2:
            if not self._stopped:
                return self._retry(now, code, "the registrar granted no time", 0.0)
            return self._tell("unregistered", code, reason, f"trunk {self._trunk}: unregistered")
        return self._retry(now, code, reason, retry_after_secs)

    def unresolved(self, why: str, now: float) -> Step:
        """The registrar's name has no address."""
        return self._retry(now, 0, why, 0.0)

    def disconnected(self, why: str, now: float) -> Step:
        """The connection that it registered over is gone, and with it the way of calls to us."""
        if self._stopped or not self.is_registered or self._asking:
            return Step()
        text = f"the connection is lost ({why})" if why else "the connection is lost"
        return self._retry(now, 0, text, 0.0)

    def _ask(self, now: float) -> Step:
        self._asking, self._due = True, now + ANSWER_SECS
        if self.state.state != "unregistered":
            return Step(register=True)
        self.state = TrunkState(name=self._trunk, state="registering")
        return Step(self.state, register=True)

    def _retry(self, now: float, code: int, reason: str, at_least: float) -> Step:
        longest = min(LONGEST_RETRY_SECS, FIRST_RETRY_SECS * 2.0 ** min(self._failures, 16))
        # Between half and all of it, so that many clients do not come back at the same time.
        wait = max(longest * self._rng.uniform(0.5, 1.0), min(at_least, LONGEST_RETRY_SECS))
        self._failures += 1
        self._asking, self._due = False, now + wait
        refused = (300 <= code < 500 and code != 408) or code >= 600
        what = f"{code} {reason} by {self._server}" if refused or code >= 500 else reason
        verb = "REGISTER refused," if refused else f"{self._server} is unreachable,"
        hint = f" {_HINTS[code]}" if code in _HINTS else ""
        line = f"trunk {self._trunk}: {verb} {what}; retrying in {wait:.0f} s.{hint}"
        state = "refused" if refused else "unreachable"
        return self._tell(state, code, reason, line, retry_in_secs=round(wait, 1), warning=True)

    def _tell(
        self,
        state: str,
        code: int,
        reason: str,
        line: str,
        expires_secs: int = 0,
        retry_in_secs: float = 0.0,
        warning: bool = False,
    ) -> Step:
        self.state = TrunkState(
            name=self._trunk,
            state=state,
            code=code,
            reason=reason,
            expires_secs=expires_secs,
            retry_in_secs=retry_in_secs,
        )
        return Step(self.state, line=line, warning=warning)
