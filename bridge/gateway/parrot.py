"""An agent that speaks back what it was told: it proves that both directions work."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import soxr

from bridge.audio.frames import FRAME_MS
from bridge.gateway.agent import AgentCall
from bridge.gateway.clock import FRAME_SECS, SpeechClock
from bridge.gateway.events import AgentEvent, CallerAudio, Cancelled, Committed, Ended

Pcm = npt.NDArray[np.int16]

MAX_TURN_MS = 60_000
"""Of a longer turn, the end is spoken back."""
FLOOR_DBFS = -50.0
"""What is quieter than this is silence, as is what is 35 dB below the loudest frame."""
RANGE_DB = 35.0
PAUSE_MS = 1000
"""What was said before a pause this long is no part of the turn: a backchannel, for instance."""
LEAD_MS, TAIL_MS = 100, 200
"""Silence left before and after the speech."""
LEAD_FRAMES = 5
"""How far ahead of `pace` a reply is sent (100 ms), as any model does that is quicker than speech:
without it each late frame would be a gap in the agent's words."""
BLOCK_FRAMES = 10
"""Frames resampled at a time, so that the first of them is not late."""


class Parrot:
    """Speaks each committed turn back, `first_audio_ms` after its commit.

    `pace` is how fast it speaks, in multiples of real time; 0 sends the whole reply at once.
    """

    def __init__(self, clock: SpeechClock, first_audio_ms: int = 0, pace: float = 1.0) -> None:
        self._clock = clock
        self._first_audio_secs = first_audio_ms / 1000
        self._pace = pace

    async def __call__(self, call: AgentCall) -> None:
        await self.listen(call)

    async def listen(
        self, call: AgentCall, on_event: Callable[[AgentEvent], None] = lambda _: None
    ) -> None:
        """Take the call; `on_event` sees every event first."""
        heard = _Heard()
        speaking: asyncio.Task[None] | None = None
        try:
            async for event in call:
                on_event(event)
                match event:
                    case CallerAudio(pcm=pcm):
                        heard.frames.append(pcm)
                    case Committed(turn=turn):
                        if speaking is not None:
                            speaking.cancel()
                        said = heard.commit(turn)
                        speaking = asyncio.create_task(self._reply(call, said, turn))
                    case Cancelled(turn=turn, heard_ms=heard_ms):
                        if speaking is not None:
                            speaking.cancel()
                        if heard_ms == 0:
                            heard.take_back(turn)
                    case Ended():
                        break
        finally:
            if speaking is not None:
                speaking.cancel()

    async def _reply(self, call: AgentCall, said: list[bytes], turn: int) -> None:
        begin = asyncio.get_running_loop().time() + self._first_audio_secs
        if self._first_audio_secs:
            await asyncio.sleep(self._first_audio_secs)
        frames = resampled(joined(said), call.info.input_rate_hz, call.info.output_rate_hz)
        await speak(call, frames, turn, self._clock, begin, self._pace)


class _Heard:
    """What the caller has said and nobody has answered."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque(maxlen=MAX_TURN_MS // FRAME_MS)
        self._goes_on = False
        self._turn, self._said = 0, list[bytes]()

    def commit(self, turn: int) -> list[bytes]:
        """The frames of the turn."""
        heard = list(self.frames)
        stretch = last_stretch(heard, self._goes_on)
        self._turn, self._said = turn, heard[stretch.start :]
        self._goes_on = False
        self.frames.clear()
        return heard[stretch]

    def take_back(self, turn: int) -> None:
        """The caller goes on with this turn, if it was the last one."""
        if turn == self._turn:
            self.frames = deque([*self._said, *self.frames], self.frames.maxlen)
            self._goes_on = True


async def speak(
    call: AgentCall,
    frames: Iterator[Pcm],
    turn: int,
    clock: SpeechClock,
    begin: float,
    pace: float,
) -> None:
    """Send 20 ms frames, the first at `begin` (event loop time), at `pace` times real time, after a
    lead of 100 ms."""
    for n, frame in enumerate(frames):
        if pace > 0:
            await clock.until(begin + max(n - LEAD_FRAMES, 0) * FRAME_SECS / pace)
        if not await call.send(frame, turn):
            return
    await call.end(turn)


def last_stretch(heard: list[bytes], whole: bool = False) -> slice:
    """Which frames are the last stretch of speech, less the silence before and after it.

    `whole`: with what was said before a pause. Empty if all is silence.
    """
    frames = [np.frombuffer(pcm, "<i2") for pcm in heard]
    levels = np.array([_dbfs(frame) for frame in frames])
    if not frames or levels.max() < FLOOR_DBFS:
        return slice(len(heard), len(heard))
    loud = np.flatnonzero(levels >= max(FLOOR_DBFS, levels.max() - RANGE_DB))
    pauses = np.flatnonzero(np.diff(loud) > PAUSE_MS // FRAME_MS)
    onset = loud[pauses[-1] + 1] if len(pauses) and not whole else loud[0]
    first = max(0, int(onset) - LEAD_MS // FRAME_MS)
    last = int(loud[-1]) + 1 + TAIL_MS // FRAME_MS
    return slice(first, last)


def joined(said: list[bytes]) -> Pcm:
    """int16 `[n]` of these frames."""
    return np.frombuffer(b"".join(said), "<i2")


def resampled(pcm: Pcm, from_hz: int, to_hz: int) -> Iterator[Pcm]:
    """20 ms frames at `to_hz`; the last may be shorter."""
    size = to_hz * FRAME_MS // 1000
    block = BLOCK_FRAMES * from_hz * FRAME_MS // 1000
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality="MQ")
    rest = np.zeros(0, np.int16)
    for start in range(0, len(pcm), block):
        piece = pcm[start : start + block]
        rest = np.concatenate([rest, stream.resample_chunk(piece, last=start + block >= len(pcm))])
        while len(rest) >= size:
            yield rest[:size]
            rest = rest[size:]
    if len(rest):
        yield rest


def _dbfs(pcm: Pcm) -> float:
    if not len(pcm):
        return -96.0
    mean_square = float(np.mean(np.square(pcm.astype(np.float32))))
    return 10.0 * float(np.log10(max(mean_square, 0.26) / 32768.0**2))
