"""Did the call go as scripted? The script, the plugin's events and the phone's ears compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sip_plugin.demo.measure import CallRecord, Outcome, heard_ms, likeness
from sip_plugin.demo.script import (
    CallerEvent,
    FellSilent,
    Kind,
    Line,
    LineEnded,
    LineStarted,
    Missed,
    ReplyHeard,
    ReplyOver,
)
from sip_plugin.demo.watching import PluginEvent

MIN_LIKENESS = 0.7
"""A reply this close to its line is that line; two different lines are below 0.2."""
LEAD_MS = 600
"""What a reply may carry before the line: its prefix."""
SETTLE_MS = 1000
"""After a backchannel, how long an effect of it may take."""
HEARD_TOLERANCE_MS = 150
"""Plugin and phone may differ by the packets on the way and the frames of a fade."""
GOES_ON_MS = 300
CAUSED_MS = 500
"""A cancel so long after the caller fell silent is still the caller's doing."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    expected: str
    seen: str
    ok: bool


class Story:
    """The script's events by line."""

    def __init__(self, events: Sequence[CallerEvent]) -> None:
        def by_line(kind: type) -> dict[str, int]:
            return {event.line: event.at_ms for event in events if isinstance(event, kind)}

        self.started = by_line(LineStarted)
        self.ended = by_line(LineEnded)
        self.reply_began = by_line(ReplyHeard)
        self.reply_over = by_line(ReplyOver) | by_line(FellSilent)
        self.cut = set(by_line(FellSilent))
        self.missed = [event for event in events if isinstance(event, Missed)]

    def cut_after(self, turns: Sequence[Line]) -> list[int]:
        """Which of the answered turns' replies were cut, by number."""
        answered = [line.name for line in turns if line.name in self.reply_began]
        return [n for n, name in enumerate(answered) if name in self.cut]


JudgeReplies = Callable[[Sequence[Line], Story, Sequence[PluginEvent], CallRecord], list[Check]]


def check(
    lines: Sequence[Line],
    outcome: Outcome,
    caller_events: Sequence[CallerEvent],
    plugin_events: Sequence[PluginEvent],
    record: CallRecord,
    judge_replies: JudgeReplies | None = None,
) -> list[Check]:
    """Every expectation of the script, in the order of the call.

    `judge_replies` says what the replies must be; without it each speaks its line back.
    """
    story = Story(caller_events)
    said = [line for line in lines if line.name in story.ended]
    turns = [line for line in said if line.kind is not Kind.BACKCHANNEL]
    checks = [_answered(outcome), _all_said(story, lines), *_turns(turns, story, plugin_events)]
    for line in lines:
        if line.kind is Kind.BACKCHANNEL:
            checks += _backchannel(line, story, plugin_events)
    checks += _barge_ins(lines, story, plugin_events, record)
    if judge_replies is None:
        return checks + spoken_back(turns, story, record)
    return checks + judge_replies(turns, story, plugin_events, record)


def _answered(outcome: Outcome) -> Check:
    seen = "answered, " if outcome.answered else "never answered, "
    seen += "hung up by the caller" if outcome.by_us else "ended by the plugin"
    if not outcome.answered or not outcome.by_us:
        seen += f" ({outcome.code} {outcome.reason})".replace(" )", ")")
    return Check(
        "call",
        "answered, hung up by the caller",
        seen,
        outcome.answered and outcome.by_us,
    )


def _all_said(story: Story, lines: Sequence[Line]) -> Check:
    if story.missed:
        missed = story.missed[0]
        return Check(f"script at {missed.line}", missed.expected, missed.seen, False)
    said = len(story.ended)
    return Check("script", f"{len(lines)} lines said", f"{said} lines said", said == len(lines))


def _turns(turns: Sequence[Line], story: Story, events: Sequence[PluginEvent]) -> list[Check]:
    """Counts of what was said, even if the script ended early: that is a fault of its own."""
    # A barge-in opens its turn by the cancel, and may need no prime of its own.
    primes = sum(line.kind is Kind.TURN for line in turns)
    answers = len(story.reply_began)
    return [
        _count(events, "prime", primes, len(turns), "one for each turn"),
        _count(
            events, "commit", len(turns), len(turns), "one for each turn, none for a backchannel"
        ),
        _count(events, "turn_latency", answers, answers, "one for each answer"),
    ]


def _count(events: Sequence[PluginEvent], event: str, least: int, most: int, what: str) -> Check:
    seen = sum(e.event == event for e in events)
    return Check(event, f"{most}: {what}", str(seen), least <= seen <= most)


def _between(events: Sequence[PluginEvent], from_ms: int, to_ms: int) -> list[PluginEvent]:
    return [e for e in events if e.audio_ms is not None and from_ms <= e.audio_ms <= to_ms]


def _backchannel(line: Line, story: Story, events: Sequence[PluginEvent]) -> list[Check]:
    if line.name not in story.ended:
        return []
    began, ended = story.started[line.name], story.ended[line.name]
    near = [e.event for e in _between(events, began, ended + SETTLE_MS)]
    told = [e for e in near if e in ("backchannel", "barge_in_rejected", "cancel", "commit")]
    # Right after a stall of its process the plugin may take it for an echo, which is as good.
    checks = [
        Check(
            line.name,
            "ignored: no commit and no cancel",
            ", ".join(told) or "not noticed",
            not {"cancel", "commit"} & set(told),
        )
    ]
    over = [at for reply, at in story.reply_over.items() if _spans(story, reply, began)]
    went_on = (over[0] - ended) if over else 0
    checks.append(
        Check(
            f"reply after {line.name}",
            f"goes on for more than {GOES_ON_MS} ms",
            f"went on for {max(went_on, 0)} ms",
            went_on > GOES_ON_MS,
        )
    )
    return checks


def _spans(story: Story, reply: str, at_ms: int) -> bool:
    return story.reply_began.get(reply, at_ms + 1) <= at_ms and at_ms <= story.reply_over[reply]


def self_interruptions(
    caller_events: Sequence[CallerEvent], plugin_events: Sequence[PluginEvent]
) -> list[int]:
    """When the agent was cancelled though the caller was silent: milliseconds of the call."""
    story = Story(caller_events)
    lines = [(began, story.ended.get(line, began)) for line, began in story.started.items()]
    return [
        round(event.audio_ms)
        for event in plugin_events
        if event.event == "cancel"
        and event.audio_ms is not None
        and not any(began <= event.audio_ms <= ended + CAUSED_MS for began, ended in lines)
    ]


def _barge_ins(
    lines: Sequence[Line],
    story: Story,
    events: Sequence[PluginEvent],
    record: CallRecord,
) -> list[Check]:
    said = [line for line in lines if line.kind is Kind.BARGE_IN and line.name in story.ended]
    cancels = [e for e in events if e.event == "cancel"]
    checks = [
        Check(
            "cancel",
            f"{len(said)}: only the barge-in",
            str(len(cancels)),
            len(cancels) == len(said),
        )
    ]
    for line in said:
        began, ended = story.started[line.name], story.ended[line.name]
        cut = [r for r in story.cut if _spans(story, r, began)]
        if not cut:
            checks.append(Check(line.name, "the reply is cut", "it was not", False))
            continue
        silent_after = story.reply_over[cut[0]] - began
        checks.append(
            Check(
                line.name,
                "the agent silent before the caller has finished",
                f"silent {silent_after} ms after the barge-in began",
                story.reply_over[cut[0]] < ended,
            )
        )
        checks += _heard(line, cut[0], story, events, record)
    return checks


def _heard(
    line: Line, reply: str, story: Story, events: Sequence[PluginEvent], record: CallRecord
) -> list[Check]:
    began, ended = story.started[line.name], story.ended[line.name]
    told = [
        e.data["heard_ms"]
        for e in _between(events, began, ended)
        if e.event == "cancel" and isinstance(e.data.get("heard_ms"), int | float)
    ]
    if not told:
        return []
    phone = heard_ms(record, story.ended[reply], ended)
    return [
        Check(
            "heard_ms",
            f"what the phone heard of the cut reply, {phone} ms ± {HEARD_TOLERANCE_MS}",
            f"{told[0]:g} ms",
            abs(told[0] - phone) <= HEARD_TOLERANCE_MS,
        )
    ]


def spoken_back(turns: Sequence[Line], story: Story, record: CallRecord) -> list[Check]:
    """The parrot must have heard: each reply is its line, whole unless it was cut."""
    answered = [line for line in turns if line.name in story.reply_over]
    if not answered:
        return []
    likenesses = {line.name: _reply_likeness(line, story, record) for line in answered}
    worst = min(likenesses, key=likenesses.__getitem__)
    median = np.median(list(likenesses.values()))
    short = [
        line.name
        for line in answered
        if line.name not in story.cut
        and heard_ms(record, story.reply_began[line.name], story.reply_over[line.name])
        < 0.8 * len(line.pcm) / 8
    ]
    return [
        Check(
            "replies",
            f"each speaks its line back, likeness at least {MIN_LIKENESS:g}",
            f"{likenesses[worst]:.2f} for {worst}, {median:.2f} median",
            likenesses[worst] >= MIN_LIKENESS,
        ),
        Check(
            "reply length",
            "whole, unless cut",
            f"too short: {', '.join(short)}" if short else "whole, unless cut",
            not short,
        ),
    ]


def _reply_likeness(line: Line, story: Story, record: CallRecord) -> float:
    began, over = story.reply_began[line.name], story.reply_over[line.name]
    if line.name in story.cut:
        # The last 40 ms may be a fade; what came before must be the line's beginning.
        return likeness(record.played(began, over - 40), line.pcm)
    return likeness(record.played(began - LEAD_MS, over + 100), line.pcm)
