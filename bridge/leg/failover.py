"""One call over several endpoints: the next one takes it when one fails, before and after the
answer, until none is left."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from bridge.agent import AgentSpec
from bridge.leg.absent import AbsentModel
from bridge.leg.interface import (
    CallFacts,
    EndpointChanged,
    LegFailed,
    ModelCall,
    ModelEvent,
    OnEvent,
    Opened,
    TransferState,
)

MAX_MOVES = 8
"""Of one call: endpoints that come and go do not keep it for ever."""
TAKEN_OVER = "taken_over"
"""Header of a call that another endpoint had before, which this one knows nothing of."""

Choose = Callable[[frozenset[str]], list[str]]
"""Endpoints that a call may try, best first, without those given."""
Open = Callable[[str, CallFacts, AgentSpec, OnEvent], ModelCall]
"""Opens a call at an endpoint."""
Result = Callable[[str, bool], None]
"""Told of each endpoint whether it took a call, or failed it."""


class FailoverCall:
    """A `ModelCall`. One endpoint at a time has it; what a former one still says is dropped."""

    def __init__(
        self,
        facts: CallFacts,
        agent: AgentSpec,
        on_event: OnEvent,
        choose: Choose,
        open_at: Open,
        result: Result,
        clock: Callable[[], float],
    ) -> None:
        self._facts = facts
        self._agent = agent
        self._on_event = on_event
        self._choose = choose
        self._open_at = open_at
        self._result = result
        self._clock = clock
        self._inner: ModelCall = AbsentModel()
        self._attempt = 0
        self._endpoint = ""
        self._tried: set[str] = set()
        self._had_it = False
        """One of them has taken the call."""
        self._answered = False
        self._on_hold = False
        self._committed = 0
        """The newest turn that the present endpoint knows of."""
        self._moves = 0
        self._left: Counter[str] = Counter()
        """What was counted at the endpoints that the call has left."""
        self._closed = False
        self._deadline = clock() + agent.open_timeout_secs
        self._go_to(choose(frozenset()))

    def _go_to(self, choices: list[str]) -> None:
        """The first of them takes the call; the others may have to, in the time that is left."""
        self._left.update(self._inner.counters())
        self._attempt += 1
        attempt, self._endpoint = self._attempt, choices[0]
        self._tried.add(self._endpoint)
        self._committed = 0
        left = max(self._deadline - self._clock(), 0.1)
        agent = self._agent.model_copy(update={"open_timeout_secs": left / len(choices)})
        facts = self._facts
        if self._had_it:
            facts = replace(facts, headers={**facts.headers, TAKEN_OVER: "1"})
        self._inner = self._open_at(
            self._endpoint, facts, agent, lambda event: self._on_inner(attempt, event)
        )
        if self._answered:
            self._inner.answered()
        if self._on_hold:
            self._inner.hold(True)

    def _on_inner(self, attempt: int, event: ModelEvent) -> None:
        if attempt != self._attempt or self._closed:
            return
        match event:
            case Opened():
                self._result(self._endpoint, True)
                self._tried = {self._endpoint}
                first, self._had_it = not self._had_it, True
                if first:
                    self._on_event(replace(event, endpoint=self._endpoint))
            case LegFailed():
                self._result(self._endpoint, False)
                self._failed(event)
            case _:
                self._on_event(event)

    def _failed(self, why: LegFailed) -> None:
        gone, now = self._endpoint, self._clock()
        choices = self._choose(frozenset(self._tried))
        is_late = not self._had_it and now >= self._deadline
        if not choices or is_late or self._moves >= MAX_MOVES:
            self._closed = True
            self._on_event(why)
            return
        self._moves += 1
        if self._had_it and self._tried == {gone}:  # it was lost just now
            self._deadline = now + self._agent.open_timeout_secs
        reason = f"{why.code}: {why.message}"
        self._on_event(EndpointChanged(gone, reason, choices[0], self._had_it))
        if not self._closed:
            self._go_to(choices)

    # --- what the bridge says ------------------------------------------------------------

    def append(self, seq: int, timestamp: int, payload: bytes) -> None:
        self._inner.append(seq, timestamp, payload)

    def prime(self, turn: int) -> None:
        self._inner.prime(turn)

    def commit(self, turn: int, last_seq: int) -> None:
        self._committed = turn
        self._inner.commit(turn, last_seq)

    def no_input(self, turn: int) -> None:
        self._committed = turn
        self._inner.no_input(turn)

    def cancel(self, turn: int, heard_ms: int) -> None:
        if turn <= self._committed:
            self._inner.cancel(turn, heard_ms)

    def answered(self) -> None:
        self._answered = True
        self._inner.answered()

    def dtmf(self, digit: str, duration_ms: int) -> None:
        self._inner.dtmf(digit, duration_ms)

    def hold(self, on: bool) -> None:
        self._on_hold = on
        self._inner.hold(on)

    def transfer_progress(self, state: TransferState, code: int, reason: str) -> None:
        self._inner.transfer_progress(state, code, reason)

    def playout(self, turn: int, played_ms: int) -> None:
        self._inner.playout(turn, played_ms)

    def close(self, reason: str) -> None:
        self._closed = True
        self._inner.close(reason)

    def counters(self) -> dict[str, float]:
        total = Counter(self._left)
        total.update(self._inner.counters())
        return dict(total)
