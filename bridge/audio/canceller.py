"""Echo cancellers behind one interface: 20 ms of the caller and of what the phone was sent go in,
the caller without the agent's echo comes out.

An engine is imported when the first call needs it: the libraries are large, and a plugin whose
trunks all cancel their echo never loads one.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Canceller(Protocol):
    """One call's canceller. Stateful; frames that are left out are pauses to it."""

    delay_samples: int
    """How much later than its input the output is, in samples at 8 kHz."""

    def process(self, near: NDArray[np.int16], far: NDArray[np.int16]) -> NDArray[np.int16]:
        """`near`: the caller, `far`: what the phone was sent; int16 `[160]` each, and so returned.

        `far` must not be later than its echo in `near`; how much earlier it is, up to 300 ms, the
        canceller finds out.
        """
        ...


class CancellerUnavailable(RuntimeError):
    """The engine cannot be loaded; the message says what to install."""


def make(engine: str, delay_ms: int) -> Canceller | None:
    """A canceller for one call; None for `none`. Engines are listed in `bridge.profile`.

    `delay_ms`: from the reference to its echo, for engines that do not find out.

    Raises CancellerUnavailable when it cannot be loaded, ValueError when it is none of them.
    """
    match engine:
        case "none":
            return None
        case "aec3":
            from bridge.audio.aec3 import Aec3

            return Aec3()
        case "webrtc_apm":
            from bridge.audio.webrtc_apm import WebrtcApm

            return WebrtcApm(delay_ms)
    raise ValueError(f'there is no echo canceller "{engine}"')
