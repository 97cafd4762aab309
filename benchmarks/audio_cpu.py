"""What a call's audio costs: percent of a core, by stage, from the phone to the model.

    python -m benchmarks.audio_cpu [--quick] [--calls 1,10,50,100] [--seconds 20] [--engine aec3]

The path is the worker's, called as the worker calls it: each caller frame is cleaned (high-pass,
canceller), all calls of a tick are judged in one batch (voice activity, level), then each goes
through the turn detector and is brought to the model's rate. RTP, QUIC and playout are not in it:
`benchmarks.cpu` has the whole call. In each call the agent speaks 40 % of the time, in replies, and
its line returns it (ERL 12 dB, 120 ms); the caller speaks in between. The time is the process's
CPU time, so other programs on the machine disturb it little. Calls that run for so long in one
go lose their place in the processor's caches to each other, as they do in a worker.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np

from benchmarks.report import Row, publish
from bridge.audio import canceller, g711
from bridge.audio.frames import FRAME_MS, FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.audio.highpass import HighPass
from bridge.audio.level import dbfs
from bridge.audio.resample import Resampler
from bridge.audio.vad import BatchVad
from bridge.profile import PROFILES, LegProfile
from bridge.turn.detector import TurnDetector
from bridge.turn.events import SpeechFrame
from bridge.turn.options import TurnOptions
from bridge.uplink import Uplink
from sip_plugin.demo import speech
from sip_plugin.demo.echo import EchoPath

LIMIT_PCT_PER_CALL = 0.8
"""At 50 calls."""
AGENT_SHARE = 0.4
ERL_DB, DELAY_MS = 12.0, 120.0
NOISE_DBFS = -60.0
MODEL_RATE_HZ = 16000
SETTLE_SECS = 3.0
"""The canceller runs at the start of each call; that is not the usual state."""
STAGES = ("high_pass", "canceller", "vad", "level", "turns", "resample", "rest")


@dataclass(frozen=True)
class Conversation:
    """Frames of one call, in a loop: int16 `[n, 160]` each."""

    arrived: np.ndarray
    sent: np.ndarray
    audible: np.ndarray


def conversation() -> Conversation:
    """The agent speaks a line, the caller another, with pauses that make the agent's share."""
    agent, caller = [], []
    for name, answer in (("turn_1", "turn_2"), ("turn_3", "turn_4"), ("turn_5", "turn_6")):
        reply, turn = speech.load(name), speech.load(answer)
        rest = max(round(len(reply) * (1 / AGENT_SHARE - 1)) - len(turn), 0)
        pauses = [np.zeros(rest // 2, np.int16), np.zeros(rest - rest // 2, np.int16)]
        agent += [reply, np.zeros(rest + len(turn), np.int16)]
        caller += [np.zeros(len(reply), np.int16), pauses[0], turn, pauses[1]]
    frames = min(sum(map(len, agent)), sum(map(len, caller))) // FRAME_SAMPLES
    said = np.concatenate(agent)[: frames * FRAME_SAMPLES]
    heard = g711.decode(g711.ULAW, g711.encode(g711.ULAW, said))
    noise = np.random.default_rng(1).normal(size=len(heard)) * 32768 * 10 ** (NOISE_DBFS / 20)
    line = np.concatenate(caller)[: len(heard)] + EchoPath(ERL_DB, DELAY_MS).push(heard) + noise
    line = np.clip(np.rint(line), -32768, 32767).astype(np.int16)
    arrived = g711.decode(g711.ULAW, g711.encode(g711.ULAW, line))
    sent = heard.reshape(-1, FRAME_SAMPLES)
    audible = said.reshape(-1, FRAME_SAMPLES).any(axis=1)
    return Conversation(arrived.reshape(-1, FRAME_SAMPLES), sent, audible)


class Stopwatch:
    """CPU seconds by stage; a stage inside another is taken off the outer one."""

    def __init__(self) -> None:
        self.secs = dict.fromkeys(STAGES, 0.0)
        self._inner = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began, inner, self._inner = time.process_time(), self._inner, 0.0
        yield
        whole = time.process_time() - began
        self.secs[name] += whole - self._inner
        self._inner = inner + whole

    @contextmanager
    def watching(self, owner: type, method: str, name: str) -> Iterator[None]:
        """Meanwhile every call of `owner.method` counts to the stage `name`."""
        plain = getattr(owner, method)

        def timed(*arguments: object) -> object:
            with self.stage(name):
                return plain(*arguments)

        setattr(owner, method, timed)
        yield
        setattr(owner, method, plain)


class Calls:
    """So many calls of one worker, each at another place of the conversation."""

    def __init__(self, count: int, talk: Conversation, profile: LegProfile) -> None:
        self._talk = talk
        self._vad = BatchVad()
        self._slots = [self._vad.open() for _ in range(count)]
        self.uplinks = [Uplink(profile) for _ in range(count)]
        engine = canceller.make(profile.canceller, profile.canceller_delay_ms)
        self.engine = type(engine) if engine is not None else None
        turn = profile.turn(TurnOptions())
        self._detectors = [TurnDetector(turn) for _ in range(count)]
        self._resamplers = [Resampler(PHONE_RATE_HZ, MODEL_RATE_HZ) for _ in range(count)]
        self._offsets = [round(i * len(talk.sent) / count) for i in range(count)]
        self._n = 0

    @property
    def cancelled_frames(self) -> int:
        return sum(uplink.stats.cancelled_frames for uplink in self.uplinks)

    def tick(self, watch: Stopwatch | None = None) -> None:
        """20 ms of all calls."""
        stage = watch.stage if watch is not None else lambda name: nullcontext()
        talk, length = self._talk, len(self._talk.sent)
        places = [(self._n + offset) % length for offset in self._offsets]
        with stage("rest"):
            cleaned = []
            for uplink, place in zip(self.uplinks, places, strict=True):
                uplink.sent(talk.sent[place] if talk.audible[place] else None)
                cleaned.append(uplink.clean(talk.arrived[place]))
            batch = np.stack(cleaned)
        with stage("vad"):
            probabilities = self._vad.push(self._slots, batch)
        with stage("level"):
            levels = dbfs(batch)
        with stage("rest"):
            gates = [
                uplink.gate_level(float(level))
                for uplink, level in zip(self.uplinks, levels, strict=True)
            ]
        self._n += 1
        at_ms = self._n * FRAME_MS
        with stage("turns"):
            for i, place in enumerate(places):
                audible = bool(talk.audible[place])
                frame = SpeechFrame(at_ms, self._n, float(probabilities[i]), gates[i], audible)
                self._detectors[i].push(frame)
        with stage("resample"):
            for resampler, frame in zip(self._resamplers, batch, strict=True):
                resampler.push(frame).tobytes()


def measure(calls: int, secs: float, talk: Conversation, profile: LegProfile) -> Row:
    """One row: what all of it costs, unwatched, and how that divides, from a second run."""
    running = Calls(calls, talk, profile)
    for _ in range(round(SETTLE_SECS * 1000 / FRAME_MS)):
        running.tick()
    ran_before = running.cancelled_frames
    ticks = round(secs * 1000 / FRAME_MS)
    began = time.process_time()
    for _ in range(ticks):
        running.tick()
    cpu = time.process_time() - began
    ran = running.cancelled_frames - ran_before
    shares = _shares(running, ticks)
    per_call = 100 * cpu / (ticks * FRAME_MS / 1000) / calls
    row: Row = {"calls": calls, "cpu_pct_per_call": round(per_call, 3)}
    row |= {f"{name}_pct": round(per_call * share, 3) for name, share in shares.items()}
    row["canceller_ran_pct_of_time"] = round(100 * ran / ticks / calls, 1)
    row["to_limit"] = round(per_call / LIMIT_PCT_PER_CALL, 2)
    return row


def _shares(running: Calls, ticks: int) -> dict[str, float]:
    watch = Stopwatch()
    with ExitStack() as stack:
        stack.enter_context(watch.watching(HighPass, "push", "high_pass"))
        engine = running.engine
        if engine is not None:
            stack.enter_context(watch.watching(engine, "process", "canceller"))
        for _ in range(ticks):
            running.tick(watch)
    whole = sum(watch.secs.values())
    return {name: spent / whole for name, spent in watch.secs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.audio_cpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="1, 10 and 50 calls, 6 s each")
    parser.add_argument("--calls", default="", help="rows, calls at once")
    parser.add_argument("--seconds", type=float, default=0.0, help="of audio in each call")
    parser.add_argument("--engine", default="aec3", help="aec3, webrtc_apm or none")
    arguments = parser.parse_args()
    calls = arguments.calls or ("1,10,50" if arguments.quick else "1,10,50,100")
    secs = arguments.seconds or (6.0 if arguments.quick else 20.0)
    profile = PROFILES["raw"].model_copy(
        update={"canceller": arguments.engine, "canceller_delay_ms": round(DELAY_MS)}
    )
    talk = conversation()
    rows = [measure(int(n), secs, talk, profile) for n in calls.split(",")]
    publish(
        "audio_cpu",
        rows,
        f"percent of one core; the agent speaks {talk.audible.mean():.0%} of the time; "
        f"to_limit is against {LIMIT_PCT_PER_CALL:g} % a call at 50 calls",
    )


if __name__ == "__main__":
    main()
