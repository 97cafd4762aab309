"""A plan in words, a line for each rule."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from dialplan.decision import Answer, Decision, Play, Redirect, Reject
from dialplan.outcome import Outcome
from dialplan.plan import Plan


class Line(NamedTuple):
    rule: str
    when: str
    action: str
    extras: str


def lines(plan: Plan) -> Iterator[Line]:
    """The rules in the order in which they are tried."""
    for place, route in enumerate(plan.routes, start=1):
        conditions = "\n".join(_condition(key, getattr(route, key)) for key in route.conditions)
        label = f"{place} {route.name}".strip()
        yield Line(label, conditions, action(route), extras(route))
    yield Line("default", "any other", action(plan.default), extras(plan.default))


def action(outcome: Outcome) -> str:
    early = " unanswered" if outcome.reject is not None else ""
    played = f"{_played(outcome.prompt, outcome.prompt_times)}{early}"
    first = f"{played}, then " if outcome.prompt else ""
    if outcome.action == "prompt":
        return f"{first}hang up"
    return first + _action(outcome)


def _played(file: str, times: int) -> str:
    return f"play {file}" + (f" {times} times" if times > 1 else "")


def _action(outcome: Outcome) -> str:
    value = getattr(outcome, outcome.action)
    match outcome.action:
        case "agents":
            return "agents " + ", then ".join(value)
        case "split":
            whole = sum(value.values())
            parts = (f"{agent} {weight / whole:.0%}" for agent, weight in value.items())
            return f"split {', '.join(parts)}"
        case "redirect":
            return f"redirect to {value}"
        case "forward":
            return f"redirect to trunk {value}"
        case "transfer":
            return f"transfer to {value}"
    return f"{outcome.action} {value}"


def extras(outcome: Outcome) -> str:
    found = [f"{name} = {text}" for name, text in outcome.variables.items()]
    if outcome.language:
        found.append(f"language = {outcome.language}")
    if outcome.ring_secs:
        found.append(f"rings {outcome.ring_secs:g} s")
    if outcome.early_media != "none":
        found.append(f"early {outcome.early_media}")
    if outcome.accept_refer:
        found.append(f"REFER to {', '.join(outcome.accept_refer)}")
    if outcome.accept_replaces:
        found.append("Replaces")
    if outcome.max_duration_secs:
        found.append(f"at most {outcome.max_duration_secs:g} s")
    if outcome.max_calls:
        found.append(f"at most {outcome.max_calls} calls")
    if outcome.calls_per_minute:
        found.append(f"at most {outcome.calls_per_minute} calls a minute")
    return "\n".join(found)


def decided(decision: Decision) -> str:
    """One decision as a sentence's end: `agent parrot`, `404 Not Found`."""
    match decision:
        case Reject():
            return f"{decision.code} {decision.reason}"
        case Redirect():
            where = f" at trunk {decision.trunk}" if decision.trunk else ""
            return f"302 to {decision.target}{where}"
    prompt = decision.prompt
    first = f"{_played(prompt.file, prompt.times)}, then " if prompt else ""
    match decision:
        case Play(prompt=prompt, refuse=Reject() as refused):
            played = _played(prompt.file, prompt.times)
            return f"{played} unanswered, then {refused.code} {refused.reason}"
        case Answer():
            agents = decision.agents or (decision.agent,)
            return f"{first}agent {', then '.join(agents)}"
        case Play():
            return f"{first}hang up"
    return f"{first}transfer to {decision.target}"


def _condition(key: str, value: Any) -> str:
    match key:
        case "anonymous":
            return "number withheld" if value else "number not withheld"
        case "headers" | "headers_regex":
            sign = "=" if key == "headers" else "~"
            return "\n".join(f"{name} {sign} {text}" for name, text in value.items())
    if isinstance(value, tuple):
        shown = ", ".join(value[:4]) + (f", … ({len(value)})" if len(value) > 4 else "")
        return f"{key} {shown}"
    return value if key == "number" else f"{key} {value}"
