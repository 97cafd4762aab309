"""Turn-taking on labelled calls: our defaults, each preset, and a plain silence-only detector.

Needs recorded speech: Debian's asterisk-core-sounds-en-wav and its es, fr, it sisters; without
them it takes the demo's few recordings and says so. Recordings and seeds of `--part train` are
for choosing options; the figures that count are those of `--part test`.

    python -m benchmarks.turns --part train --set silence_threshold_ms=400
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

import bridge
from benchmarks import plain_detector
from benchmarks.labelled_calls import OWN_PAUSES, SCENARIOS, SEEDS, LabelledCall, generate
from benchmarks.report import Row, publish
from benchmarks.speech_corpus import Corpus, load
from benchmarks.turn_metrics import Tally, score
from bridge.profile import LegProfile
from bridge.replay import Heard, analyse, detect
from bridge.turn.events import TurnEvent
from sip_plugin.replay.settings import PRESET_NAMES, Settings, settle

CALLS, QUICK_CALLS = 25, 3
PLAIN_SILENCE_MS = 500
CACHE = Path(__file__).parent.parent / "build" / "turns-cache"


@dataclass(frozen=True, slots=True)
class Contender:
    """A detector, and the audio path in front of it."""

    name: str
    leg: LegProfile
    run: Callable[[Heard], list[TurnEvent]]


def contenders(assignments: Sequence[str]) -> list[Contender]:
    plain = LegProfile(canceller="none")
    found = [
        Contender(
            f"plain, {PLAIN_SILENCE_MS} ms",
            plain,
            lambda heard: plain_detector.detect(heard, PLAIN_SILENCE_MS),
        )
    ]
    usual = settle("raw", None, [])
    found.append(_ours(f"default ({usual.options.preset})", usual))
    others = [name for name in PRESET_NAMES if name != usual.options.preset]
    found += [_ours(name, settle("raw", name, [])) for name in others]
    if assignments:
        found.append(_ours(" ".join(assignments), settle("raw", None, assignments)))
    return found


FIXED_MS = (400, 500, 800)
"""Fixed silences to compare adaptive endpointing with, where callers differ in their pauses."""


def fixed_endpointing() -> list[Contender]:
    """The best preset, but with a silence that is the same for all callers."""
    return [
        _ours(
            f"phone, fixed {ms} ms",
            settle("raw", "phone", ["endpointing=fixed", f"silence_threshold_ms={ms}"]),
        )
        for ms in FIXED_MS
    ]


def _ours(name: str, settings: Settings) -> Contender:
    return Contender(name, settings.profile, lambda heard: detect(heard, settings.options))


def hear(calls: Sequence[LabelledCall], leg: LegProfile) -> list[Heard]:
    """What the audio path makes of the calls, kept between runs: turn options do not change it."""
    path = CACHE / f"{cache_key(calls, leg)}.npz"
    if path.exists():
        with np.load(path) as kept:
            return [
                Heard(kept[f"p{i}"], kept[f"l{i}"], kept[f"a{i}"], float(kept[f"t{i}"]))
                for i in range(len(calls))
            ]
    heard = analyse([call.recording for call in calls], leg)
    CACHE.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for i, one in enumerate(heard):
        arrays |= {f"p{i}": one.probability, f"l{i}": one.level_dbfs}
        arrays |= {f"a{i}": one.agent_turn, f"t{i}": np.array(one.length_ms)}
    np.savez(path, **arrays)
    return heard


def cache_key(calls: Sequence[LabelledCall], leg: LegProfile) -> str:
    """Changes with the sound, with the code that hears it, and with what that is told."""
    digest = hashlib.sha256()
    code = Path(bridge.__file__).parent
    for path in (code / "replay.py", code / "uplink.py", *sorted((code / "audio").rglob("*.py"))):
        digest.update(path.read_bytes())
    for package in ("livekit", "onnxruntime"):
        digest.update(version(package).encode())
    # A canceller has nothing to do in a call whose agent says nothing.
    silent = not any(call.recording.agent.any() for call in calls)
    later = {"quiet_gate_dbfs", "agent_gate_dbfs", "barge_confirm_ms", "level_control"}
    unheard = later | ({"canceller"} if silent else set())
    digest.update(leg.model_dump_json(exclude=unheard).encode())
    for call in calls:
        digest.update(call.recording.caller.tobytes())
        digest.update(call.recording.agent.tobytes())
    return digest.hexdigest()[:24]


def measure(
    corpus: Corpus,
    part: str,
    scenarios: Sequence[str],
    calls: int,
    tested: Sequence[Contender],
    seed: int | None = None,
) -> list[Row]:
    rows = []
    for scenario in scenarios:
        began = time.monotonic()
        made = generate(scenario, calls, corpus, part, seed)
        secs = sum(len(call.recording.caller) for call in made) / 8000
        print(
            f"turns: {scenario}, {calls} calls, {secs / 60:.0f} min …",
            file=sys.stderr,
            end="",
            flush=True,
        )
        for contender in [*tested, *(fixed_endpointing() if scenario == OWN_PAUSES else [])]:
            heard = hear(made, contender.leg)
            tally = Tally()
            for call, one in zip(made, heard, strict=True):
                score(call, contender.run(one), tally)
            rows.append({"scenario": scenario, "detector": contender.name} | tally.row())
        print(f" {time.monotonic() - began:.1f} s", file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.turns",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CALLS} calls a scenario")
    parser.add_argument("--calls", type=int, default=0, help=f"a scenario; {CALLS} if not given")
    parser.add_argument("--part", choices=("train", "test"), default="test")
    parser.add_argument("--seed", type=int, help="of the first call; the part's own if not given")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="only this")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one more row, with these"
    )
    arguments = parser.parse_args()
    calls = arguments.calls or (QUICK_CALLS if arguments.quick else CALLS)
    corpus = load(arguments.part)
    for note in corpus.notes:
        print(f"turns: {note}", file=sys.stderr)
    rows = measure(
        corpus,
        arguments.part,
        arguments.scenario or list(SCENARIOS),
        calls,
        contenders(arguments.set),
        arguments.seed,
    )
    seed = SEEDS[arguments.part] if arguments.seed is None else arguments.seed
    publish("turns", rows, f"{arguments.part} part, {calls} calls a scenario from seed {seed}")


if __name__ == "__main__":
    main()
