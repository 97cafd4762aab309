"""What the phone measured: everything that it sent and heard, with the time of each packet.

Times are seconds of the machine's monotonic clock; positions in the audio are milliseconds of
the phone's sample clock, whose 0 is the first frame that it sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.audio.level import dbfs
from sip_plugin.demo.script import CallerEvent, Kind, LineEnded

LINE_DBFS = -75.0
"""Anything louder came from the agent: its voice, or the line noise that it speaks back."""

VOICE_DBFS = -50.0
"""Audible speech."""

SLACK_MS = 60
_PER_MS = PHONE_RATE_HZ // 1000
_PIECE = 500 * _PER_MS
_SHIFT = 250 * _PER_MS


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call on the phone's side."""

    sent: np.ndarray
    """int16[n], the caller, whole frames."""
    heard: np.ndarray
    """int16[n], the agent as it was played out, frame by frame beside `sent`."""
    sent_at: np.ndarray
    """float64[n / 160], when each frame left."""
    packet_at: np.ndarray
    """float64[m], when each RTP packet arrived."""
    packet_dbfs: np.ndarray
    """float32[m], its level."""

    @property
    def duration_ms(self) -> int:
        return len(self.sent) // _PER_MS

    def said(self, from_ms: int, to_ms: int) -> np.ndarray:
        return self.sent[max(from_ms, 0) * _PER_MS : max(to_ms, 0) * _PER_MS]

    def played(self, from_ms: int, to_ms: int) -> np.ndarray:
        return self.heard[max(from_ms, 0) * _PER_MS : max(to_ms, 0) * _PER_MS]

    def save(self, path: Path) -> None:
        np.savez(path, **{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def load(cls, path: Path) -> "CallRecord":
        """Raises OSError or ValueError when the file is not a record."""
        with np.load(path) as fields:
            return cls(**{name: fields[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the phone's SIP call went."""

    answered: bool
    by_us: bool
    """The phone hung up, rather than the plugin."""
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class PhoneTurn:
    """Turn latency as a caller feels it."""

    line: str
    speech_end_ms: int
    """End of the caller's last frame of speech, on the sample clock."""
    latency_ms: float
    """From the moment that frame was sent to the first packet of agent audio."""
    voice_ms: float | None
    """The same to the first packet at speaking level: a reply may begin with quiet."""


def phone_turns(record: CallRecord, events: Sequence[CallerEvent]) -> list[PhoneTurn]:
    """The latency of every line that was answered before the caller spoke again."""
    turns = []
    ends = [e for e in events if isinstance(e, LineEnded) and e.kind is not Kind.BACKCHANNEL]
    audio_at = record.packet_at[record.packet_dbfs > LINE_DBFS]
    voice_at = record.packet_at[record.packet_dbfs > VOICE_DBFS]
    ended_at = [record.sent_at[end.at_ms // FRAME_MS - 1] for end in ends]
    for end, at, until in zip(ends, ended_at, [*ended_at[1:], np.inf], strict=False):
        first = [_first_between(times, at, until) for times in (audio_at, voice_at)]
        audio, voice = (None if time is None else (time - at) * 1000 for time in first)
        if audio is not None:
            turns.append(PhoneTurn(end.line, end.at_ms, audio, voice))
    return turns


def _first_between(times: np.ndarray, after: float, until: float) -> float | None:
    found = times[(times > after) & (times < until)]
    return float(found[0]) if len(found) else None


def heard_ms(record: CallRecord, from_ms: int, to_ms: int) -> int:
    """How much agent audio the phone played between two positions, silence not counted."""
    frames = record.played(from_ms, to_ms)
    whole = frames[: len(frames) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return int(np.count_nonzero(dbfs(whole) > LINE_DBFS)) * FRAME_MS


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """How much the shorter sounds like a part of the longer, 0 to 1.

    Deaf to level and to delay; 1 is the same waveform. G.711 and resampling keep it above 0.9.
    The shorter may stand out at either end by 60 ms. It is looked for piece by piece near its
    best place, for on a busy machine a frame may be late, and what follows it is heard later.
    """
    short, long = sorted((a.astype(np.float64), b.astype(np.float64)), key=len)
    long = np.pad(long, SLACK_MS * _PER_MS)
    _, place = _best_place(short, long)
    energies, likenesses = [], []
    for start in range(0, len(short), _PIECE):
        piece = short[start : start + _PIECE]
        around = long[max(place + start - _SHIFT, 0) : place + start + len(piece) + _SHIFT]
        energies.append(float(piece @ piece))
        likenesses.append(_best_place(piece, around)[0])
    if not any(energies):
        return 0.0
    return float(np.average(likenesses, weights=energies))


def _best_place(short: np.ndarray, long: np.ndarray) -> tuple[float, int]:
    """Highest normalised cross-correlation of `short` within `long`, and where."""
    if not len(short) or len(short) > len(long) or not np.any(short):
        return 0.0, 0
    size = 1 << (len(long) + len(short)).bit_length()
    products = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
    lags = len(long) - len(short) + 1
    energy = np.concatenate([[0.0], np.cumsum(long**2)])
    windows = energy[len(short) :] - energy[:lags]
    # Windows of near silence would divide by almost nothing.
    floor = float(short @ short) * 1e-4
    scale = np.sqrt(np.maximum(windows, floor) * float(short @ short))
    correlation = np.abs(products[:lags]) / scale
    place = int(np.argmax(correlation))
    return float(np.clip(correlation[place], 0.0, 1.0)), place
