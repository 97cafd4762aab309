"""Decides: a plan made ready once, then asked for each call."""

import datetime as dt
import hashlib
import math
from collections.abc import Iterator, Mapping

from dialplan import decision
from dialplan.conditions import Context, Rule
from dialplan.decision import Answer, CallFacts, Decision, Explanation, Redirect, Step
from dialplan.hours import Schedule
from dialplan.index import Index
from dialplan.limits import Key, Limit
from dialplan.numbering import AS_IT_COMES, Numbering
from dialplan.outcome import Outcome, is_target
from dialplan.pattern import PatternList
from dialplan.plan import Plan
from dialplan.template import Template

DEFAULT = "default"


class Dialplan:
    """A plan ready to decide. Raises ValueError when a route names times that the plan has not."""

    def __init__(self, plan: Plan, numberings: Mapping[str, Numbering] | None = None) -> None:
        """`numberings` says by trunk how it writes numbers; others write them as compared."""
        self.plan = plan
        self._numberings = dict(numberings or {})
        self._times: dict[str, Schedule] = {n: t.schedule for n, t in plan.times.items()}
        for path, name in plan.times_used():
            if name not in self._times:
                raise ValueError(f"{'.'.join(map(str, path))}: there are no such times")
        self._rules = [Rule(place, route) for place, route in enumerate(plan.routes, start=1)]
        self._block = PatternList.of(plan.callers.block)
        self._allow = PatternList.of(plan.callers.allow)
        self._by_called, self._by_caller = Index(), Index()
        self._unindexed: list[int] = []
        for place, rule in enumerate(self._rules):
            if rule.called is not None:
                self._by_called.add(rule.called, place)
            elif rule.callers:
                for pattern in rule.callers:
                    self._by_caller.add(pattern, place)
            else:
                self._unindexed.append(place)

    # --- deciding ------------------------------------------------------------------------

    def decide(self, call: CallFacts, at: dt.datetime | None = None) -> Decision:
        """The first route whose conditions hold decides; without any, the default does.

        `at` has a time zone. Without a time, nothing is known to be open. A called number that
        cannot be one is refused with 404 whatever the default is, and is not repeated in `why`.
        """
        context = self._context(call, at)
        if isinstance(context, decision.Reject):
            return context
        if (refused := self._refusal(context)) is not None:
            return refused
        for rule in self._candidates(context):
            if rule.holds(context):
                return self._outcome(rule.label, rule.route, context, f"is for {_shown(context)}")
        return self._by_default(context)

    def decide_by_scan(self, call: CallFacts, at: dt.datetime | None = None) -> Decision:
        """The same without the index: what benchmarks and tests compare it with."""
        context = self._context(call, at)
        if isinstance(context, decision.Reject):
            return context
        if (refused := self._refusal(context)) is not None:
            return refused
        for rule in self._rules:
            if rule.holds(context):
                return self._outcome(rule.label, rule.route, context, f"is for {_shown(context)}")
        return self._by_default(context)

    def explain(self, call: CallFacts, at: dt.datetime | None = None) -> Explanation:
        """Decide, and tell of each rule that was tried why it did not match."""
        context = self._context(call, at)
        if isinstance(context, decision.Reject):
            step = Step("called number", True, context.why)
            return Explanation(context, "", "", (step,))
        if (refused := self._refusal(context)) is not None:
            step = Step("callers", True, refused.why)
            return Explanation(refused, context.number, context.caller, (step,))
        steps = [Step("callers", False, "the caller is let in")]
        for rule in self._rules:
            why = rule.why_not(context)
            steps.append(Step(rule.label, not why, why or "every condition holds"))
            if not why:
                found = self._outcome(rule.label, rule.route, context, f"is for {_shown(context)}")
                break
        else:
            found = self._by_default(context)
            steps.append(Step(DEFAULT, True, "no route matches"))
        return Explanation(found, context.number, context.caller, tuple(steps))

    def _context(self, call: CallFacts, at: dt.datetime | None) -> "Context | decision.Reject":
        numbering = self._numberings.get(call.trunk, AS_IT_COMES)
        number = ""
        if call.called:
            try:
                number = numbering.called(call.called)
            except ValueError as error:
                return decision.reject(404, f"the called number is {error}")
        anonymous = call.is_anonymous
        caller = ""
        if not anonymous:
            try:
                caller = numbering.caller(call.caller)
            except ValueError:
                anonymous = True  # who it is cannot be told
        headers = {name.lower(): value[:256] for name, value in call.headers.items()}
        who = caller or call.sid or number
        return Context(number, caller, anonymous, call.trunk, headers, at, self._times, who)

    def _refusal(self, context: Context) -> decision.Reject | None:
        """What the lists of callers say before any route is tried."""
        callers = self.plan.callers
        if context.anonymous and callers.block_anonymous:
            return decision.reject(callers.reject, "callers that withhold their number are blocked")
        if entry := self._block.find(context.caller):
            return decision.reject(callers.reject, f"the caller is blocked by {entry}")
        if callers.allow and not self._allow.find(context.caller):
            return decision.reject(callers.reject, "the caller is not among those allowed")
        return None

    def _candidates(self, context: Context) -> Iterator[Rule]:
        places = [*self._unindexed]
        if context.number:
            places += self._by_called.candidates(context.number)
        if context.caller:
            places += self._by_caller.candidates(context.caller)
        for place in sorted(set(places)):
            yield self._rules[place]

    def _by_default(self, context: Context) -> Decision:
        because = f"no route is for {_shown(context)}"
        default = self.plan.default
        verb = "rejects" if default.reject is not None else "answers"
        if default.action in ("redirect", "forward", "prompt", "transfer"):
            verb = f"says {default.action}"
        return self._outcome("", default, context, f"{because}; the default {verb}")

    # --- the outcome ---------------------------------------------------------------------

    def _outcome(self, label: str, outcome: Outcome, context: Context, why: str) -> Decision:
        why = f"{label} {why}".strip()
        route = label or DEFAULT
        prompt = decision.Prompt(outcome.prompt, outcome.prompt_times) if outcome.prompt else None
        longest = _least(outcome.max_duration_secs, self.plan.limits.max_duration_secs)
        match outcome.action:
            case "reject":
                refused = decision.reject(outcome.reject or 404, why, route)
                return decision.Play(prompt, why, route, refuse=refused) if prompt else refused
            case "forward":
                if not context.number:
                    return decision.reject(404, f"{why}, but there is no number to forward", route)
                return Redirect(context.number, outcome.forward, why, route)
            case "prompt":
                assert prompt is not None
                cause = outcome.hangup_cause
                return decision.Play(prompt, why, route, cause, None, outcome.ring_secs, longest)
        values = context.values(outcome)
        if outcome.redirect or outcome.transfer:
            target = Template.parse(outcome.redirect or outcome.transfer).fill(values)
            if not is_target(target):
                return decision.reject(404, f"{why}, but leads to no number or address", route)
            if outcome.redirect:
                return Redirect(target, "", why, route)
            return decision.Transfer(target, why, route, prompt, outcome.ring_secs, longest)
        agents = self._agents(outcome, route, context)
        told = dict(outcome.variables)
        if outcome.language:
            told["language"] = outcome.language
        return Answer(
            agents[0],
            why,
            route,
            agents,
            {name: Template.parse(text).fill(values) for name, text in told.items()},
            outcome.ring_secs,
            longest,
            prompt,
            outcome.early_media,
            outcome.accept_refer,
            outcome.accept_replaces,
        )

    def _agents(self, outcome: Outcome, route: str, context: Context) -> tuple[str, ...]:
        if outcome.split:
            return (_drawn(outcome.split, route, context.who),)
        return outcome.agents or (outcome.agent,)

    # --- limits --------------------------------------------------------------------------

    def limits(self, route: str, caller: str, trunk: str) -> dict[Key, Limit]:
        """What a call counts for besides its agent. `route` is the decision's, or empty outbound.

        `caller` is the number as compared, empty when withheld.
        """
        limits = self.plan.limits
        found = {}
        if route:
            found[Key("route", route)] = self._route_limit(route)
        found[Key("caller", caller)] = limits.caller
        found[Key("trunk", trunk)] = limits.trunks.get(trunk, Limit())
        return found

    def agent_limit(self, agent: str) -> dict[Key, Limit]:
        return {Key("agent", agent): self.plan.limits.agents.get(agent, Limit())}

    def caller_of(self, call: CallFacts) -> str:
        """The caller's number as it is compared; empty when it is withheld."""
        context = self._context(call, None)
        return "" if isinstance(context, decision.Reject) else context.caller

    def _route_limit(self, label: str) -> Limit:
        outcome: Outcome = self.plan.default
        place = label.split(" ")[1:2]
        if place and place[0].isdigit():
            outcome = self.plan.routes[int(place[0]) - 1]
        return Limit(max_calls=outcome.max_calls, calls_per_minute=outcome.calls_per_minute)


def decide(plan: Plan, call: CallFacts, at: dt.datetime | None = None) -> Decision:
    """As `Dialplan.decide`, for trunks that write numbers as they are compared."""
    return plan.compiled.decide(call, at)


def _shown(context: Context) -> str:
    return context.number or "a call that names no number"


def _least(one: float, other: float) -> float:
    """The shorter of two durations of which 0 is none."""
    return min(one, other) if one and other else one or other


def _drawn(weights: Mapping[str, int], route: str, who: str) -> str:
    """One agent by its weight, for each caller always the same.

    Weighted rendezvous hashing: when weights change or an agent comes in, only callers change
    that go to or leave the agents concerned.
    """

    def score(agent: str) -> float:
        digest = hashlib.sha256(f"{route}\0{agent}\0{who}".encode()).digest()
        uniform = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 1)
        return -weights[agent] / math.log(uniform)

    return max((agent for agent in weights if weights[agent]), key=score)
