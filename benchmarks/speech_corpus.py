"""Recorded speech for the benchmarks, cut into phrases whose first and last 10 ms are speech.

Taken from Debian's Asterisk prompts (`asterisk-core-sounds-{en,es,fr,it}-wav`) where installed,
and single words from a folder of spoken digits; without the former, from the demo's speech.
"""

import hashlib
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.audio.frames import PHONE_RATE_HZ

PROMPTS = Path("/usr/share/asterisk/sounds")
LANGUAGES = ("en", "es", "fr", "it")
NOT_SPEECH = frozenset(
    {
        *("tt-monkeys", "beep", "beeperr", "ascending-2tone", "descending-2tone"),
        *("confbridge-join", "confbridge-leave"),
    }
)
"""Prompts that are apes and tones."""
DIGITS = Path(__file__).parent.parent.parent / "shared" / "speech" / "digits"

BLOCK_MS = 10
_BLOCK = PHONE_RATE_HZ * BLOCK_MS // 1000
_ACTIVE_BELOW_PEAK_DB = 30.0
"""A block is speech while it is no quieter than this below the loud parts of its recording."""
_TEAR_MS = 200
"""A pause as long as this makes two phrases of one recording."""
_FADE = np.linspace(0.0, 1.0, PHONE_RATE_HZ * 2 // 1000, dtype=np.float32)

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Speech of one voice without a pause of 200 ms, float32 `[n]`, RMS 1."""

    voice: str
    pcm: Samples

    @property
    def ms(self) -> int:
        return len(self.pcm) * 1000 // PHONE_RATE_HZ


@dataclass(slots=True)
class Corpus:
    """What the generator draws from."""

    phrases: dict[str, list[Phrase]] = field(default_factory=dict)
    """By voice: 0.5 to 4 s."""
    words: list[Phrase] = field(default_factory=list)
    """Single words, 0.15 to 0.9 s."""
    notes: list[str] = field(default_factory=list)
    """What is absent, and what that means."""

    @property
    def voices(self) -> list[str]:
        return sorted(self.phrases)


def load(part: str, prompts: Path = PROMPTS, digits: Path = DIGITS) -> Corpus:
    """`part` is "train" or "test": recordings of one are not in the other."""
    corpus = Corpus()
    absent = [name for name in LANGUAGES if not (prompts / name).is_dir()]
    if len(absent) == len(LANGUAGES):
        corpus.notes.append(
            f"no prompts in {prompts}: the demo's eight recordings instead, the same for train and"
            " test, so that the figures are rough. Install asterisk-core-sounds-en-wav and its es,"
            " fr, it sisters."
        )
        _add_demo(corpus)
    else:
        if absent:
            corpus.notes.append(f"no prompts in {', '.join(absent)} ({prompts})")
        for language in LANGUAGES:
            _add_prompts(corpus, prompts / language, language, part)
    if digits.is_dir():
        _add_digits(corpus, digits, part)
    else:
        corpus.notes.append(f"no spoken digits in {digits}: words are those of the prompts only")
    return corpus


def _add_prompts(corpus: Corpus, folder: Path, language: str, part: str) -> None:
    phrases: list[Phrase] = []
    for path in _chosen(folder.rglob("*.wav"), folder, part):
        kind = path.relative_to(folder).parts[0]
        if kind == "silence" or path.stem in NOT_SPEECH:
            continue
        found = [Phrase(language, pcm) for pcm in cut(_read(path))]
        if kind in ("digits", "letters"):
            corpus.words += [phrase for phrase in found if len(found) == 1 and _is_word(phrase)]
        else:
            phrases += [phrase for phrase in found if 500 <= phrase.ms <= 4000]
    if phrases:
        corpus.phrases[language] = phrases


def _add_digits(corpus: Corpus, folder: Path, part: str) -> None:
    for path in _chosen(folder.glob("*.wav"), folder, part):
        speaker = path.stem.split("_")[1]
        found = cut(_read(path))
        if len(found) == 1 and _is_word(word := Phrase(speaker, found[0])):
            corpus.words.append(word)


def _add_demo(corpus: Corpus) -> None:
    recorded = sorted(files("sip_plugin.demo.speech").iterdir(), key=lambda entry: entry.name)
    found = [
        Phrase("demo", pcm)
        for entry in recorded
        if entry.name.endswith(".wav")
        for pcm in cut(_read(Path(str(entry))))
    ]
    corpus.phrases["demo"] = [phrase for phrase in found if phrase.ms >= 500]
    # Too few words: the beginnings of phrases stand in for them.
    corpus.words = [phrase for phrase in found if _is_word(phrase)] + [
        Phrase("demo", normalised(phrase.pcm[: PHONE_RATE_HZ * ms // 1000]))
        for phrase, ms in zip(
            corpus.phrases["demo"], (200, 280, 360, 440, 520, 600, 680), strict=False
        )
    ]


def _is_word(phrase: Phrase) -> bool:
    return 150 <= phrase.ms <= 900


def _chosen(paths: Iterable[Path], folder: Path, part: str) -> Iterator[Path]:
    for path in sorted(paths):
        # By name, so that a recording stays on its side whatever else is installed.
        digest = hashlib.sha256(str(path.relative_to(folder)).encode()).digest()
        if ("train", "test")[digest[0] % 2] == part:
            yield path


def _read(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (8000, 1, 2):
            raise ValueError(f"{path} is not 8 kHz 16-bit mono")
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return pcm.astype(np.float32) / 32768


def active(pcm: Samples) -> NDArray[np.bool_]:
    """Which blocks of 10 ms are speech."""
    blocks = pcm[: len(pcm) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    if not len(blocks):
        return np.zeros(0, bool)
    level = 10 * np.log10(np.mean(blocks**2, axis=1) + 1e-10)
    return level > max(np.percentile(level, 95) - _ACTIVE_BELOW_PEAK_DB, -65.0)


def cut(pcm: Samples) -> list[Samples]:
    """The phrases of a recording, each from its first to its last active 10 ms."""
    speech = np.flatnonzero(active(pcm))
    if not len(speech):
        return []
    torn = np.flatnonzero(np.diff(speech) > _TEAR_MS // BLOCK_MS)
    begins = speech[np.concatenate(([0], torn + 1))]
    ends = speech[np.concatenate((torn, [len(speech) - 1]))] + 1
    return [normalised(pcm[b * _BLOCK : e * _BLOCK]) for b, e in zip(begins, ends, strict=True)]


def normalised(pcm: Samples) -> Samples:
    """RMS 1, with edges that do not click."""
    pcm = pcm / max(float(np.sqrt(np.mean(pcm**2))), 1e-6)
    size = min(len(_FADE), len(pcm))
    pcm[:size] *= _FADE[:size]
    pcm[len(pcm) - size :] *= _FADE[:size][::-1]
    return pcm.astype(np.float32)
