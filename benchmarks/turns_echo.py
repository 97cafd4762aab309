"""What the agent's echo does to a call on a raw leg, by return loss, noise and the caller's level.

Two tables, on recordings and seeds that nothing was tuned on (as `benchmarks.turns`, which has the
corpus): replies that were cancelled though nobody spoke, with what the canceller removed of their
echo; and callers who interrupt the agent's first reply or a later one.

    python -m benchmarks.turns_echo --calls 8
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.labelled_calls import (
    ERLS_DB,
    SEEDS,
    Cast,
    LabelledCall,
    Line,
    Sketch,
    agent_alone,
    barge_ins,
)
from benchmarks.report import Row, publish
from benchmarks.speech_corpus import Corpus, load
from benchmarks.turn_metrics import CONFIRM_WITHIN_MS
from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.events import name_of
from bridge.profile import LegProfile
from bridge.replay import Heard, analyse, detect
from bridge.turn.options import TurnOptions
from bridge.uplink import Uplink
from sip_plugin.replay.settings import settle

PART = "test"
CALLS, QUICK_CALLS = 8, 1
AGENT_DBFS = -22.0
NOISES_DBFS = (-60.0, -50.0, -42.0)
CALLERS_DBFS = (-22.0, -28.0, -34.0)
QUIET_DBFS = -60.0
FIRST_MS = 500
"""Of the first reply, in which the canceller learns."""


@dataclass
class FixedCast(Cast):
    """A cast whose levels, noise and echo are given."""

    corpus: Corpus
    rng: np.random.Generator
    caller_dbfs: float
    noise_dbfs: float
    erl_db: float | None

    def __post_init__(self) -> None:
        super().__init__(self.corpus, self.rng)

    def sketch(self) -> Sketch:
        sketch = super().sketch()
        sketch.caller_dbfs, sketch.agent_dbfs = self.caller_dbfs, AGENT_DBFS
        return sketch

    def line(self, snr_db: float, erl_db: float | None = None) -> Line:
        drawn = super().line(snr_db, erl_db)
        return replace(drawn, snr_db=self.caller_dbfs - self.noise_dbfs, erl_db=self.erl_db)


def alone(corpus: Corpus, calls: int, noise_dbfs: float, erl_db: float) -> list[LabelledCall]:
    made = []
    for n in range(calls):
        rng = np.random.default_rng([SEEDS[PART] + n, 100])
        cast = FixedCast(corpus, rng, AGENT_DBFS, noise_dbfs, erl_db)
        made.append(agent_alone(cast, rng, erl_db))
    return made


def interrupted(
    corpus: Corpus, calls: int, caller_dbfs: float, erl_db: float | None
) -> list[LabelledCall]:
    made = []
    for n in range(calls):
        rng = np.random.default_rng([SEEDS[PART] + n, 200])
        cast = FixedCast(corpus, rng, caller_dbfs, QUIET_DBFS, erl_db)
        made.append(barge_ins(cast, rng))
    return made


def cancels(heard: Heard, options: TurnOptions) -> list[float]:
    return [e.at_ms for e in detect(heard, options) if name_of(e) == "cancel"]


def erle_db(call: LabelledCall, profile: LegProfile) -> tuple[float, float]:
    """What was removed while the agent spoke: in its first half second, and after its first reply.

    Sums of energy over whole frames; the noise counts, so that it limits both.
    """
    uplink = Uplink(profile)
    first, later = call.agent_turns[0], call.agent_turns[1:]
    before, after = np.zeros(2), np.zeros(2)
    for n in range(len(call.recording.caller) // FRAME_SAMPLES):
        part = slice(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES)
        uplink.sent(call.recording.agent[part])
        cleaned = uplink.clean(call.recording.caller[part]).astype(np.float64)
        at_ms = n * FRAME_SAMPLES * 1000 // PHONE_RATE_HZ
        if first.begin_ms <= at_ms < first.begin_ms + FIRST_MS:
            place = 0
        elif any(span.begin_ms + FIRST_MS <= at_ms < span.end_ms for span in later):
            place = 1
        else:
            continue
        before[place] += float(np.sum(call.recording.caller[part].astype(np.float64) ** 2))
        after[place] += float(np.sum(cleaned**2))
    gone = 10 * np.log10((before + 1) / (after + 1))
    return float(gone[0]), float(gone[1])


def self_interruptions(corpus: Corpus, calls: int) -> list[Row]:
    raw, document, phone = (settle("raw", preset, []) for preset in (None, "document", "phone"))
    bare = LegProfile(canceller="none")
    rows: list[Row] = []
    for noise_dbfs in NOISES_DBFS:
        for erl_db in ERLS_DB:
            made = alone(corpus, calls, noise_dbfs, erl_db)
            recordings = [call.recording for call in made]
            heard = analyse(recordings, raw.profile)
            gone = np.median([erle_db(call, raw.profile) for call in made], axis=0)
            rows.append(
                {
                    "noise_dbfs": round(noise_dbfs),
                    "erl_db": round(erl_db),
                    "replies": sum(len(call.agent_turns) for call in made),
                    "no_canceller": sum(
                        len(cancels(one, document.options)) for one in analyse(recordings, bare)
                    ),
                    "document": sum(len(cancels(one, document.options)) for one in heard),
                    "phone": sum(len(cancels(one, phone.options)) for one in heard),
                    "erle_first_db": round(gone[0]),
                    "erle_later_db": round(gone[1]),
                }
            )
            print(f"turns_echo: noise {noise_dbfs:g}, ERL {erl_db:g}", file=sys.stderr)
    return rows


def interruptions(corpus: Corpus, calls: int) -> list[Row]:
    settings = settle("raw", "phone", [])
    rows: list[Row] = []
    for caller_dbfs in CALLERS_DBFS:
        for erl_db in (*ERLS_DB, None):
            made = interrupted(corpus, calls, caller_dbfs, erl_db)
            row: Row = {"caller_dbfs": round(caller_dbfs), "erl_db": erl_db and round(erl_db)}
            heard = analyse([call.recording for call in made], settings.profile)
            when = [cancels(one, settings.options) for one in heard]
            row |= _confirmed("first", made, when, slice(0, 1))
            row |= _confirmed("later", made, when, slice(1, None))
            rows.append(row)
            print(f"turns_echo: caller {caller_dbfs:g}, ERL {erl_db}", file=sys.stderr)
    return rows


def _confirmed(
    name: str, made: Sequence[LabelledCall], when: Sequence[Sequence[float]], which: slice
) -> Row:
    """Barge-ins into the replies `which` of each call: how many were missed, and how late."""
    late: list[float] = []
    count = 0
    for call, times in zip(made, when, strict=True):
        for said in call.barge_ins[which]:
            count += 1
            own = [t for t in times if said.begin_ms <= t <= said.end_ms + CONFIRM_WITHIN_MS]
            late += [own[0] - said.begin_ms] if own else []
    p50, p95 = np.percentile(late, (50, 95)).round() if late else (None, None)
    return {
        f"{name}_n": count,
        f"{name}_missed": count - len(late),
        f"{name}_p50_ms": p50 and int(p50),
        f"{name}_p95_ms": p95 and int(p95),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.turns_echo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CALLS} call a row")
    parser.add_argument("--calls", type=int, default=0, help=f"a row; {CALLS} if not given")
    arguments = parser.parse_args()
    calls = arguments.calls or (QUICK_CALLS if arguments.quick else CALLS)
    corpus = load(PART)
    for note in corpus.notes:
        print(f"turns_echo: {note}", file=sys.stderr)
    rows = self_interruptions(corpus, calls) + interruptions(corpus, calls)
    publish("turns_echo", rows, f"{PART} part, {calls} calls of six replies a row")


if __name__ == "__main__":
    main()
