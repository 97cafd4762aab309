"""A call of recorded speech, through G.711, the real VAD and the turn detector."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bridge.audio import g711
from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.audio.level import dbfs
from bridge.audio.vad import BatchVad
from bridge.turn.detector import TurnDetector
from bridge.turn.events import SpeechFrame, TurnEvent
from bridge.turn.options import TurnOptions


def line(
    spoken: Iterable[tuple[int, NDArray[np.int16]]], length_ms: int, noise_dbfs: float = -60.0
) -> NDArray[np.int16]:
    """A phone line, 8 kHz: recordings that begin at the given ms, over white noise."""
    rng = np.random.default_rng(7)
    samples = length_ms * PHONE_RATE_HZ // 1000
    mixed = rng.normal(0.0, 32768 * 10 ** (noise_dbfs / 20), samples)
    for start_ms, pcm in spoken:
        start = start_ms * PHONE_RATE_HZ // 1000
        mixed[start : start + len(pcm)] += pcm
    return np.clip(mixed, -32768, 32767).astype(np.int16)


def detect(
    caller: NDArray[np.int16],
    agent: Iterable[tuple[int, int]] = (),
    options: TurnOptions | None = None,
) -> list[TurnEvent]:
    """Every event of a call whose agent is audible, without echo, in the given spans of ms."""
    vad, detector = BatchVad(), TurnDetector(options or TurnOptions())
    slot, spans, events = vad.open(), list(agent), []
    codec = g711.ULAW
    for seq in range(len(caller) // FRAME_SAMPLES):
        sent = g711.encode(codec, caller[seq * FRAME_SAMPLES : (seq + 1) * FRAME_SAMPLES])
        pcm = g711.decode(codec, sent)
        probability = float(vad.push([slot], pcm[None])[0])
        at_ms = seq * FRAME_MS
        audible = any(start <= at_ms < end for start, end in spans)
        frame = SpeechFrame(at_ms + FRAME_MS, seq, probability, float(dbfs(pcm)), audible)
        events += detector.push(frame)
    return events
