"""Does this leg return the agent's voice at all? Most digital phones do not.

A canceller that looks for an echo where there is none takes the caller for one: on a clean leg,
barge-ins into the first reply were confirmed one second later than without it. So what comes back
is watched while the agent speaks; half a second of loud agent with a silent line is proof.
"""

LOUD_DBFS = -35.0
"""The agent, in a frame that must have a noticeable echo if there is any."""
SILENT_DBFS = -52.0
"""What comes back below it is under every gate, and was seen to need no canceller."""
NOISE_SPREAD_DB = 4.0
"""By which a frame of noise may be above the quietest ones."""
HIDDEN_DBFS = -42.0
"""Noise up to here hides no echo that passes the gate."""
TALKING_DBFS = -45.0
"""What comes back above it is a caller, or an echo that was not there before."""
HOLD_FRAMES = 5
"""Dips between words of 100 ms do not end the agent's speech."""
REACH_FRAMES = 15
"""The agent has been loud for so long (300 ms) before its echo is missed."""
PROOF_FRAMES = 25
"""Silent frames that prove a clean leg (0.5 s)."""
DOUBT_FRAMES = 10
"""Loud frames over the agent after which the proof is asked for anew (0.2 s)."""


class EchoPresence:
    """One leg's proof. Levels are of whole 20 ms frames, in dBFS."""

    def __init__(self) -> None:
        self._since_loud = HOLD_FRAMES + 1
        self._spoken = 0
        self._silent = 0
        self._loud = 0
        self.absent = False
        """Proved, by the frames so far: nothing comes back."""

    def push(self, sent_dbfs: float, received_dbfs: float, noise_dbfs: float) -> None:
        """One frame sent, and the one received beside it; the noise of the line as far as known."""
        silent_dbfs = max(SILENT_DBFS, min(noise_dbfs + NOISE_SPREAD_DB, HIDDEN_DBFS))
        self._since_loud = 0 if sent_dbfs >= LOUD_DBFS else self._since_loud + 1
        if self._since_loud > HOLD_FRAMES:
            self._spoken = 0
            return
        self._spoken += 1
        if self._spoken <= REACH_FRAMES:
            return
        if received_dbfs < silent_dbfs:
            self._silent += 1
        else:
            self._silent = 0
        if received_dbfs >= TALKING_DBFS:
            self._loud += 1
        if self._silent >= PROOF_FRAMES:
            self.absent, self._loud = True, 0

    def reply_ended(self) -> None:
        """Nothing is expected back any more. A proof that was spoken over is void."""
        if self._loud >= DOUBT_FRAMES:
            self.absent = False
        self._silent = self._loud = 0
