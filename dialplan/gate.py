"""Lets calls in by the dialplan and its limits, and knows what each running call counts for.

A core of one process: it is told of calls that begin, change their agent and end, with a clock's
time. A running call keeps the plan that it began with when the plan is replaced.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dialplan.decision import Answer, CallFacts, Decision, Play, Reject, Transfer, reject
from dialplan.engine import Dialplan
from dialplan.limits import Key, Limit, Limiter, Over

DOWN_SECS = 30.0
"""An agent that could not be reached is tried after the others for so long."""


@dataclass(slots=True)
class _Call:
    dialplan: Dialplan
    agent: str
    left: tuple[str, ...] = ()
    """Agents that have not been tried."""


class Gate:
    """Times `now` are seconds of a monotonic clock, never going back."""

    def __init__(self, dialplan: Dialplan) -> None:
        self._dialplan = dialplan
        self._limiter = Limiter()
        self._calls: dict[str, _Call] = {}
        self._down: dict[str, float] = {}

    def replace(self, dialplan: Dialplan) -> None:
        """Calls that begin from now on have this plan; what is counted goes on."""
        self._dialplan = dialplan

    def decide(self, call: CallFacts, at: dt.datetime) -> Decision:
        """What the plan says; nothing is counted yet. `at` has a time zone."""
        return self._dialplan.decide(call, at)

    def enter(
        self, call: CallFacts, let_in: Answer | Play | Transfer, now: float
    ) -> "str | Reject":
        """Let a call in, under its `sid`: the agent that takes it, or the refusal.

        The agent is empty when the decision names none. From here on the call counts, until
        `end`. Ask when everything else is known to be well.
        """
        caller = self._dialplan.caller_of(call)
        limits = self._dialplan.limits(let_in.route, caller, call.trunk)
        if over := self._limiter.over(limits, now):
            return _refusal(over, let_in.route)
        if not isinstance(let_in, Answer):
            self._limiter.begin(call.sid, limits, now)
            return ""
        agents = self._by_health(let_in.agents or (let_in.agent,), now)
        agent, full = self._first_free(self._dialplan, agents, now)
        if full is not None:
            return _refusal(full, let_in.route)
        self._begin(call.sid, self._dialplan, agent, limits, now)
        self._calls[call.sid].left = tuple(other for other in agents if other != agent)
        return agent

    def enter_outbound(
        self, sid: str, agent: str, caller: str, trunk: str, now: float
    ) -> Over | None:
        """Let a call of our own out, under the limits of its agent, caller-ID and trunk."""
        limits = self._dialplan.limits("", caller, trunk)
        if over := self._limiter.over(limits | self._dialplan.agent_limit(agent), now):
            return over
        self._begin(sid, self._dialplan, agent, limits, now)
        return None

    def change_trunk(self, sid: str, gone: str, trunk: str, now: float) -> Over | None:
        """A call that goes out by another trunk than `gone`, if its limit has room."""
        call = self._calls.get(sid)
        plan = (call.dialplan if call else self._dialplan).plan
        limit = {Key("trunk", trunk): plan.limits.trunks.get(trunk, Limit())}
        if over := self._limiter.over(limit, now):
            return over
        self._limiter.move(sid, Key("trunk", gone), limit, now)
        return None

    def failed(self, sid: str, now: float) -> str:
        """The call's agent could not be reached: the next one that is free, or nothing."""
        call = self._calls.get(sid)
        if call is None:
            return ""
        self._down[call.agent] = now + DOWN_SECS
        agent, full = self._first_free(call.dialplan, call.left, now)
        if full is not None or not agent:
            return ""
        gone = Key("agent", call.agent)
        self._limiter.move(sid, gone, call.dialplan.agent_limit(agent), now)
        call.agent = agent
        call.left = tuple(other for other in call.left if other != agent)
        return agent

    def reached(self, sid: str) -> None:
        """The call's agent answered: it is not down."""
        if (call := self._calls.get(sid)) is not None:
            self._down.pop(call.agent, None)

    def end(self, sid: str) -> None:
        """The call is over; one that is not known changes nothing."""
        self._calls.pop(sid, None)
        self._limiter.end(sid)

    def _begin(
        self, sid: str, dialplan: Dialplan, agent: str, limits: Mapping[Key, Limit], now: float
    ) -> None:
        self._limiter.begin(sid, {**limits, **dialplan.agent_limit(agent)}, now)
        self._calls[sid] = _Call(dialplan, agent)

    def _by_health(self, agents: tuple[str, ...], now: float) -> tuple[str, ...]:
        """In their order, those that are down last: they may be back."""
        return tuple(sorted(agents, key=lambda agent: self._down.get(agent, now) > now))

    def _first_free(
        self, dialplan: Dialplan, agents: tuple[str, ...], now: float
    ) -> tuple[str, Over | None]:
        full: Over | None = None
        for agent in agents:
            over = self._limiter.over(dialplan.agent_limit(agent), now)
            if over is None:
                return agent, None
            full = full or over
        return "", full


def _refusal(over: Over, route: str) -> Reject:
    return replace(reject(over.code, over.why, route), retry_after_secs=over.retry_after_secs)
