"""A raw line in samples: an agent, a hybrid that returns it, a caller, G.711 both ways."""

from dataclasses import dataclass, field

import numpy as np

from bridge.audio import g711
from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.audio.level import dbfs
from bridge.audio.vad import BatchVad
from bridge.profile import PROFILES, LegProfile
from bridge.turn.detector import TurnDetector
from bridge.turn.events import Cancel, SpeechFrame, SpeechStart
from bridge.turn.options import TurnOptions
from bridge.uplink import Uplink
from sip_plugin.demo import speech
from sip_plugin.demo.echo import EchoPath

RAW = PROFILES["raw"]
NO_CANCELLER = RAW.model_copy(update={"canceller": "none"})


def at_level(pcm: np.ndarray, level_dbfs: float) -> np.ndarray:
    """The same sound, float64, at another level."""
    return pcm * 10 ** ((level_dbfs - float(dbfs(pcm))) / 20)


def noise(secs: float, level_dbfs: float, seed: int = 1) -> np.ndarray:
    samples = np.random.default_rng(seed).normal(size=round(secs * PHONE_RATE_HZ))
    return samples * 32768 * 10 ** (level_dbfs / 20)


def over_the_line(pcm: np.ndarray, codec: str = g711.ULAW) -> np.ndarray:
    """int16 as it is after G.711."""
    return g711.decode(codec, g711.encode(codec, to_int16(pcm)))


def to_int16(pcm: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(pcm), -32768, 32767).astype(np.int16)


def placed(secs: float, *sounds: tuple[float, np.ndarray]) -> np.ndarray:
    """Silence of `secs` with each sound from its second on."""
    track = np.zeros(round(secs * PHONE_RATE_HZ))
    for at, pcm in sounds:
        start = round(at * PHONE_RATE_HZ) // FRAME_SAMPLES * FRAME_SAMPLES
        part = pcm[: max(len(track) - start, 0)]
        track[start : start + len(part)] += part
    return track


def agent_talks(secs: float, level_dbfs: float = -22.0) -> np.ndarray:
    """Replies with pauses of 1.5 s between them, from the second second on."""
    sounds, at = [], 2.0
    for name in ("turn_1", "turn_3", "turn_5", "turn_2", "turn_6", "turn_4"):
        pcm = at_level(speech.load(name), level_dbfs)
        sounds.append((at, pcm))
        at += len(pcm) / PHONE_RATE_HZ + 1.5
    return placed(secs, *sounds)


@dataclass
class Heard:
    """What came of a call."""

    cleaned: np.ndarray
    """int16[n], what goes to the model."""
    arrived: np.ndarray
    """int16[n], what came from the phone."""
    events: list = field(default_factory=list)
    uplink: Uplink | None = None

    @property
    def cancels(self) -> list[int]:
        return [event.at_ms for event in self.events if isinstance(event, Cancel)]

    @property
    def onsets(self) -> list[int]:
        return [event.at_ms for event in self.events if isinstance(event, SpeechStart)]

    def suppressed_db(self, from_secs: float, to_secs: float) -> float:
        part = slice(round(from_secs * PHONE_RATE_HZ), round(to_secs * PHONE_RATE_HZ))
        return float(dbfs(self.arrived[part])) - float(dbfs(self.cleaned[part]))


def hear(
    caller: np.ndarray,
    agent: np.ndarray | None = None,
    *,
    echo: EchoPath | None = None,
    profile: LegProfile = RAW,
    options: TurnOptions | None = None,
) -> Heard:
    """One call: `caller` and `agent` float or int16 `[n]`, the same length, whole frames."""
    agent = np.zeros(len(caller)) if agent is None else agent
    sent = over_the_line(agent)
    returned = echo.push(sent) if echo is not None else 0.0
    arrived = over_the_line(caller + returned)
    uplink, vad = Uplink(profile), BatchVad()
    detector, slot = TurnDetector(profile.turn(options or TurnOptions())), vad.open()
    heard = Heard(np.empty_like(arrived), arrived, uplink=uplink)
    for n in range(len(arrived) // FRAME_SAMPLES):
        part = slice(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES)
        audible = bool(agent[part].any())
        uplink.sent(sent[part] if audible else None)
        frame = heard.cleaned[part] = uplink.clean(arrived[part])
        probability = float(vad.push([slot], frame[None])[0])
        level = uplink.gate_level(float(dbfs(frame)))
        heard.events += detector.push(
            SpeechFrame((n + 1) * FRAME_MS, n, probability, level, audible)
        )
    return heard
