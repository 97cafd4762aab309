"""Calls put together from recorded speech, so that who speaks when is known to the sample.

A call is a caller's track as it arrives from the phone (speech, pink noise, the agent's echo,
G.711) and the agent's track as it leaves for the phone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.speech_corpus import Corpus, Phrase, Samples, normalised
from bridge.audio import g711
from bridge.audio.frames import PHONE_RATE_HZ
from bridge.replay import Recording

_PER_MS = PHONE_RATE_HZ // 1000

CALLER_DBFS = (-30.0, -18.0)
AGENT_DBFS = (-22.0, -18.0)
QUIET_LINE_SNR_DB = 25.0
PAUSE_MS = (200, 700)
"""Pauses inside a turn."""
OWN_PAUSES = "own pauses"
OWN_PAUSES_MS = (120, 300, 500, 700, 900, 1100)
"""A caller's usual pause; each of them is within a fifth of it."""
BACKCHANNEL_MS = (150, 550)
ERLS_DB = (6.0, 12.0, 18.0, 24.0)
ECHO_DELAY_MS = (60, 250)
HYBRID_MS = (16, 96)
"""Length of the echo's impulse response."""


@dataclass(frozen=True, slots=True)
class Span:
    """Speech, from its first to its last active 10 ms; milliseconds of the caller's track."""

    begin_ms: float
    end_ms: float

    @property
    def ms(self) -> float:
        return self.end_ms - self.begin_ms


@dataclass(frozen=True, slots=True)
class Turn(Span):
    """Something to be answered."""

    pauses: tuple[Span, ...] = ()
    """Silences inside it, in order."""
    short: bool = False
    """A short answer, not a sentence."""


@dataclass(slots=True)
class LabelledCall:
    scenario: str
    recording: Recording
    turns: list[Turn]
    backchannels: list[Span]
    barge_ins: list[Span]
    """These are turns as well."""
    agent_turns: list[Span]


@dataclass(slots=True)
class Line:
    """What the line does to the caller's track. `erl_db` None: it does not echo."""

    snr_db: float
    codec: str = g711.ULAW
    erl_db: float | None = None
    echo_delay_ms: int = 0
    hybrid_ms: int = 16


@dataclass(slots=True)
class Sketch:
    """A call in the making: both sides on one clock, which only goes on."""

    rng: np.random.Generator
    caller_dbfs: float = -24.0
    agent_dbfs: float = -20.0
    now_ms: int = 0
    turns: list[Turn] = field(default_factory=list)
    backchannels: list[Span] = field(default_factory=list)
    barge_ins: list[Span] = field(default_factory=list)
    agent_turns: list[Span] = field(default_factory=list)
    _caller: list[tuple[int, Samples]] = field(default_factory=list)
    _agent: list[tuple[int, Samples]] = field(default_factory=list)

    def wait(self, ms: int) -> None:
        self.now_ms += ms

    def caller_says(self, pcm: Samples) -> Span:
        """From now on; the clock goes on to its end."""
        self._caller.append((self.now_ms, pcm * _amplitude(self.caller_dbfs)))
        begin = self.now_ms
        self.now_ms += len(pcm) // _PER_MS
        return Span(begin, self.now_ms)

    def agent_says(self, pcm: Samples) -> Span:
        """From now on, while the clock stands: the caller may speak over it."""
        self._agent.append((self.now_ms, pcm * _amplitude(self.agent_dbfs)))
        span = Span(self.now_ms, self.now_ms + len(pcm) // _PER_MS)
        self.agent_turns.append(span)
        return span

    def finish(self, scenario: str, line: Line) -> LabelledCall:
        size = self.now_ms * _PER_MS
        agent = _int16(_track(self._agent, size))
        caller = _track(self._caller, size)
        caller += pink_noise(self.rng, size) * _amplitude(self.caller_dbfs - line.snr_db)
        if line.erl_db is not None:
            # The line echoes what the phone decodes.
            far = g711.decode(line.codec, g711.encode(line.codec, agent))
            caller += echo(far.astype(np.float32) / 32768, self.rng, line)
        received = g711.decode(line.codec, g711.encode(line.codec, _int16(caller)))
        return LabelledCall(
            scenario,
            Recording(received, agent),
            self.turns,
            self.backchannels,
            self.barge_ins,
            self.agent_turns,
        )


def pink_noise(rng: np.random.Generator, samples: int) -> Samples:
    """RMS 1; power falls by 3 dB an octave above 50 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / PHONE_RATE_HZ)
    spectrum /= np.sqrt(np.maximum(frequency, 50.0))
    noise = np.fft.irfft(spectrum, samples)
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


def echo(far: Samples, rng: np.random.Generator, line: Line) -> Samples:
    """What comes back of `far`: later, coloured, and `erl_db` below it."""
    assert line.erl_db is not None
    taps = line.hybrid_ms * _PER_MS
    # Noise that decays by 40 dB over its length.
    impulse = rng.standard_normal(taps) * 10 ** (-2.0 * np.arange(taps) / taps)
    size = len(far) + taps
    spectrum = np.fft.rfft(far, size) * np.fft.rfft(impulse, size)
    back = np.fft.irfft(spectrum, size)[: len(far)]
    power_back, power_far = np.mean(back**2), np.mean(far**2)
    if power_back > 0:
        back *= np.sqrt(power_far / power_back) * 10 ** (-line.erl_db / 20)
    delay = line.echo_delay_ms * _PER_MS
    return np.concatenate((np.zeros(delay), back[: len(far) - delay])).astype(np.float32)


def _track(parts: list[tuple[int, Samples]], size: int) -> Samples:
    track = np.zeros(size, np.float32)
    for at_ms, pcm in parts:
        begin = at_ms * _PER_MS
        room = track[begin : begin + len(pcm)]
        room += pcm[: len(room)]
    return track


def _amplitude(level_dbfs: float) -> np.float32:
    return np.float32(10 ** (level_dbfs / 20))


def _int16(samples: Samples) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


# --- what is said ----------------------------------------------------------------------------


class Cast:
    """Draws who speaks, how loud and what; caller and agent have different voices."""

    def __init__(self, corpus: Corpus, rng: np.random.Generator) -> None:
        self._corpus, self._rng = corpus, rng
        voices = corpus.voices
        self._caller = voices[rng.integers(len(voices))]
        others = [voice for voice in voices if voice != self._caller] or voices
        self._agent = others[rng.integers(len(others))]

    def sketch(self) -> Sketch:
        levels = (self._rng.uniform(*bounds) for bounds in (CALLER_DBFS, AGENT_DBFS))
        return Sketch(self._rng, *levels)

    def line(self, snr_db: float, erl_db: float | None = None) -> Line:
        rng = self._rng
        return Line(
            snr_db,
            g711.ULAW if rng.random() < 0.5 else g711.ALAW,
            erl_db,
            int(rng.integers(ECHO_DELAY_MS[0], ECHO_DELAY_MS[1] + 1)),
            int(rng.integers(HYBRID_MS[0], HYBRID_MS[1] + 1)),
        )

    def phrase(self, min_ms: int = 500, max_ms: int = 4000) -> Phrase:
        """A phrase of the caller."""
        return self._draw(self._corpus.phrases[self._caller], min_ms, max_ms)

    def agent_speech(self, secs: float) -> Samples:
        """At least so long, with pauses that are no digital silence."""
        parts: list[Samples] = []
        while sum(map(len, parts)) < secs * PHONE_RATE_HZ:
            if parts:
                pause = int(self._rng.integers(80, 400)) * _PER_MS
                parts.append(self._rng.standard_normal(pause).astype(np.float32) * 0.002)
            parts.append(self._draw(self._corpus.phrases[self._agent], 500, 4000).pcm)
        return np.concatenate(parts)

    def word(self) -> Phrase:
        return self._draw(self._corpus.words, 150, 900)

    def backchannel(self) -> Samples:
        """150 to 550 ms: a short word, or the beginning of a phrase."""
        low, high = BACKCHANNEL_MS
        short = [word for word in self._corpus.words if low <= word.ms <= high]
        if short and self._rng.random() < 0.5:
            return short[self._rng.integers(len(short))].pcm
        ms = int(self._rng.integers(low // 10, high // 10 + 1)) * 10
        return normalised(self.phrase(min_ms=ms).pcm[: ms * _PER_MS])

    def _draw(self, phrases: list[Phrase], min_ms: int, max_ms: int) -> Phrase:
        fitting = [phrase for phrase in phrases if min_ms <= phrase.ms <= max_ms] or phrases
        return fitting[self._rng.integers(len(fitting))]


def say_turn(
    sketch: Sketch,
    cast: Cast,
    pauses: int,
    min_ms: int = 500,
    pause_ms: tuple[int, int] = PAUSE_MS,
) -> Turn:
    """A turn of `pauses` + 1 phrases; it is entered among the turns."""
    begin, silences = sketch.now_ms, []
    for n in range(pauses + 1):
        if n:
            since = sketch.now_ms
            sketch.wait(int(sketch.rng.integers(*pause_ms)))
            silences.append(Span(since, sketch.now_ms))
        sketch.caller_says(cast.phrase(min_ms, 2500).pcm)
    turn = Turn(begin, sketch.now_ms, tuple(silences))
    sketch.turns.append(turn)
    return turn


# --- scenarios -------------------------------------------------------------------------------

SETTLE_MS = (3000, 3600)
"""Between two things that happen: longer than the 2.6 s within which a turn is to be committed."""


def turns_with_pauses(cast: Cast, rng: np.random.Generator, snr_db: float) -> LabelledCall:
    """Eight turns with one to three pauses each, nobody else speaks."""
    sketch = cast.sketch()
    sketch.wait(1000)
    for _ in range(8):
        say_turn(sketch, cast, int(rng.integers(1, 4)))
        sketch.wait(int(rng.integers(*SETTLE_MS)))
    return sketch.finish(f"pauses snr {snr_db:g}", cast.line(snr_db))


def callers_own_pauses(cast: Cast, rng: np.random.Generator) -> LabelledCall:
    """Eight turns with one to three pauses, all about as long: some callers hardly pause."""
    usual_ms = float(rng.choice(OWN_PAUSES_MS))
    bounds = (round(0.8 * usual_ms), round(1.2 * usual_ms))
    sketch = cast.sketch()
    sketch.wait(1000)
    for _ in range(8):
        say_turn(sketch, cast, int(rng.integers(1, 4)), pause_ms=bounds)
        sketch.wait(int(rng.integers(*SETTLE_MS)))
    return sketch.finish(OWN_PAUSES, cast.line(20.0))


def short_answers(cast: Cast, rng: np.random.Generator) -> LabelledCall:
    """The agent asks, the caller answers with a word 0.4 to 1.5 s later."""
    sketch = cast.sketch()
    sketch.wait(600)
    for _ in range(8):
        question = sketch.agent_says(cast.agent_speech(1.5))
        sketch.now_ms = int(question.end_ms) + int(rng.integers(400, 1500))
        answer = sketch.caller_says(cast.word().pcm)
        sketch.turns.append(Turn(answer.begin_ms, answer.end_ms, short=True))
        sketch.wait(int(rng.integers(*SETTLE_MS)))
    erl = float(rng.choice(ERLS_DB))
    return sketch.finish("short answers", cast.line(20.0, erl))


def agent_alone(cast: Cast, rng: np.random.Generator, erl_db: float) -> LabelledCall:
    """The agent speaks six times, and only its echo comes back."""
    sketch = cast.sketch()
    sketch.wait(400)
    for _ in range(6):
        said = sketch.agent_says(cast.agent_speech(3.0))
        sketch.now_ms = int(said.end_ms) + int(rng.integers(800, 2000))
    return sketch.finish(f"echo erl {erl_db:g}", cast.line(QUIET_LINE_SNR_DB, erl_db))


def backchannels(cast: Cast, rng: np.random.Generator) -> LabelledCall:
    """Six agent turns, in each two bursts of the caller, more than a second apart."""
    sketch = cast.sketch()
    sketch.wait(400)
    for _ in range(6):
        said = sketch.agent_says(cast.agent_speech(6.0))
        for _ in range(2):
            sketch.wait(int(rng.integers(1200, 2000)))
            sketch.backchannels.append(sketch.caller_says(cast.backchannel()))
        sketch.now_ms = int(said.end_ms) + int(rng.integers(1500, 2000))
    return sketch.finish("backchannels", cast.line(20.0, float(rng.choice(ERLS_DB))))


def barge_ins(cast: Cast, rng: np.random.Generator, echoes: bool = True) -> LabelledCall:
    """Six agent turns, each interrupted; the agent, in a loop that is open, talks on for 3 s."""
    sketch = cast.sketch()
    sketch.wait(400)
    for _ in range(6):
        lead_ms = int(rng.integers(1000, 3000))
        said = sketch.agent_says(cast.agent_speech(lead_ms / 1000 + 3.0))
        sketch.wait(lead_ms)
        turn = say_turn(sketch, cast, 0, min_ms=1000)
        sketch.barge_ins.append(turn)
        sketch.now_ms = max(int(said.end_ms), sketch.now_ms) + int(rng.integers(*SETTLE_MS))
    if not echoes:
        return sketch.finish("barge-ins, no echo", cast.line(30.0))
    return sketch.finish("barge-ins", cast.line(20.0, float(rng.choice(ERLS_DB))))


Scenario = Callable[[Cast, np.random.Generator], LabelledCall]

SCENARIOS: dict[str, Scenario] = {
    "pauses snr 20": partial(turns_with_pauses, snr_db=20.0),
    "pauses snr 12": partial(turns_with_pauses, snr_db=12.0),
    "short answers": short_answers,
    **{f"echo erl {erl:g}": partial(agent_alone, erl_db=erl) for erl in ERLS_DB},
    "backchannels": backchannels,
    "barge-ins": barge_ins,
    # A far end that cancels echo, though its leg is taken for a raw one.
    "barge-ins, no echo": partial(barge_ins, echoes=False),
    OWN_PAUSES: callers_own_pauses,
}

SEEDS = {"train": 1_000, "test": 7_000}
"""First seed of each part; a call has its own. No option was chosen by those of "test"."""


def generate(
    scenario: str, calls: int, corpus: Corpus, part: str, seed: int | None = None
) -> list[LabelledCall]:
    """The first `calls` calls of a scenario: always the same for the same corpus.

    `seed`: of the first call, instead of the part's own.
    """
    first = SEEDS[part] if seed is None else seed
    made = []
    for n in range(calls):
        rng = np.random.default_rng([first + n, list(SCENARIOS).index(scenario)])
        made.append(SCENARIOS[scenario](Cast(corpus, rng), rng))
    return made
