"""How well events fit a labelled call, in the field's terms.

- cut off: a commit before the turn's true end, also one that is retracted;
- heard cut off: the reply to it, `REPLY_MS` after the commit, would have left before the caller
  went on;
- replied into: the reply would have left, before or after, since nothing took the commit back;
- endpointing: the commit that stands, less the last active 10 ms of the turn;
- missed turn: 0.7 s or more, and no commit that stands within 2.6 s of its end;
- suppressed: a burst that does not cancel the agent, among those over one that still speaks;
- confirm: the cancel, less the onset of the barge-in; missed when there is none until 0.5 s after
  its speech;
- false barge-in: an agent's turn that is cancelled though nobody spoke;
- false turn: a commit within or after an agent's turn that nobody spoke in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from benchmarks.labelled_calls import LabelledCall, Span, Turn
from benchmarks.report import Row
from bridge.events import name_of
from bridge.replay import REPLY_MS
from bridge.turn.events import TurnEvent

COMMIT_WITHIN_MS = 2600
SENTENCE_MS = 700
CONFIRM_WITHIN_MS = 500
ONSET_MS = 200
"""A commit so long after the caller went on came of the pause before."""
BURST_TAIL_MS = 1000
"""A cancel so long after a burst is still its doing."""


@dataclass(slots=True)
class Tally:
    """What was seen in one scenario."""

    hits: dict[str, list[bool]] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, happened: bool) -> None:
        self.hits.setdefault(what, []).append(happened)

    def time(self, what: str, ms: float) -> None:
        self.times.setdefault(what, []).append(ms)

    def row(self) -> Row:
        """Rates in percent, each list of times as p50 and p95."""
        row: Row = {"n": len(next(iter(self.hits.values()), []))}
        for what, seen in self.hits.items():
            row[f"{what}_pct"] = round(100 * sum(seen) / len(seen), 1) if seen else None
        for what, ms in self.times.items():
            for percent in (50, 95):
                rank = round(float(np.percentile(ms, percent))) if ms else None
                row[f"{what}_p{percent}_ms"] = rank
        return row


@dataclass(frozen=True, slots=True)
class _Commit:
    at_ms: float
    retracted_ms: float | None


def score(call: LabelledCall, events: Sequence[TurnEvent], tally: Tally) -> None:
    """Add one call to the tally of its scenario."""
    commits = list(_commits(events))
    cancels = [event.at_ms for event in events if name_of(event) == "cancel"]
    if call.barge_ins:
        _score_barge_ins(call, cancels, tally)
    if call.backchannels:
        _score_backchannels(call, cancels, tally)
    for turn in call.turns:
        _score_turn(turn, commits, tally)
    if call.agent_turns:
        _score_agent(call, commits, cancels, tally)


def _commits(events: Sequence[TurnEvent]) -> Iterator[_Commit]:
    told = [event for event in events if name_of(event) in ("commit", "retract")]
    for event, after in zip_longest(told, told[1:]):
        if name_of(event) == "commit":
            back = after is not None and name_of(after) == "retract"
            yield _Commit(event.at_ms, after.at_ms if after is not None and back else None)


def _score_turn(turn: Turn, commits: Sequence[_Commit], tally: Tally) -> None:
    tally.times.setdefault("endpointing", [])
    until = turn.end_ms + COMMIT_WITHIN_MS
    early = [commit for commit in commits if turn.begin_ms < commit.at_ms < turn.end_ms]
    standing = [
        commit.at_ms
        for commit in commits
        if turn.end_ms <= commit.at_ms <= until and commit.retracted_ms is None
    ]
    if turn.short:
        tally.note("answered", bool(standing))
    else:
        tally.note("cut_off", bool(early))
        tally.note("heard_cut_off", any(_heard(commit, turn) for commit in early))
        tally.note("replied_into", any(commit.retracted_ms is None for commit in early))
        if turn.ms >= SENTENCE_MS:
            tally.note("missed_turn", not standing)
    if standing:
        tally.time("endpointing", standing[0] - turn.end_ms)


def _heard(commit: _Commit, turn: Turn) -> bool:
    for pause in turn.pauses:
        if pause.begin_ms <= commit.at_ms < pause.end_ms + ONSET_MS:
            return commit.at_ms + REPLY_MS < pause.end_ms
    # In the middle of a phrase, which was not heard: the caller never stopped.
    return commit.retracted_ms is None


def _score_backchannels(call: LabelledCall, cancels: Sequence[float], tally: Tally) -> None:
    tally.hits.setdefault("suppressed", [])
    for burst in call.backchannels:
        (said,) = (s for s in call.agent_turns if s.begin_ms <= burst.begin_ms < s.end_ms)
        # An agent that has been cancelled before cannot show what the burst would have done.
        if not any(said.begin_ms <= at < burst.begin_ms for at in cancels):
            tally.note("suppressed", not _within(cancels, burst, BURST_TAIL_MS))


def _score_barge_ins(call: LabelledCall, cancels: Sequence[float], tally: Tally) -> None:
    tally.times.setdefault("confirm", [])
    for barge_in in call.barge_ins:
        confirmed = _within(cancels, barge_in, CONFIRM_WITHIN_MS)
        tally.note("missed_barge_in", not confirmed)
        if confirmed:
            tally.time("confirm", confirmed[0] - barge_in.begin_ms)


def _score_agent(
    call: LabelledCall, commits: Sequence[_Commit], cancels: Sequence[float], tally: Tally
) -> None:
    speech = [*call.backchannels, *call.barge_ins, *call.turns]
    for said, following in zip(call.agent_turns, [*call.agent_turns[1:], None], strict=True):
        until = following.begin_ms if following is not None else float("inf")
        own = [at for at in cancels if said.begin_ms <= at < until]
        unasked = [at for at in own if not any(_caused(at, span) for span in speech)]
        tally.note("false_barge_in", bool(unasked))
        if not call.turns and not call.backchannels:
            replied = [c for c in commits if said.begin_ms <= c.at_ms < until]
            tally.note("false_turn", bool(replied))


def _caused(at_ms: float, span: Span) -> bool:
    return span.begin_ms <= at_ms <= span.end_ms + BURST_TAIL_MS


def _within(times: Sequence[float], span: Span, tail_ms: float) -> list[float]:
    return [at for at in times if span.begin_ms <= at <= span.end_ms + tail_ms]
