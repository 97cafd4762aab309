"""Whether the conditions of a route hold for a call, and which one does not."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dialplan import pattern, regex
from dialplan.hours import Schedule
from dialplan.outcome import Outcome
from dialplan.pattern import Pattern
from dialplan.plan import Route
from dialplan.regex import Regex


@dataclass(frozen=True, slots=True)
class Context:
    """A call's facts as they are compared."""

    number: str
    """Empty when the call names none."""
    caller: str
    """Empty when withheld."""
    anonymous: bool
    trunk: str
    headers: Mapping[str, str]
    """Names in lower case."""
    at: dt.datetime | None
    times: Mapping[str, Schedule]
    who: str
    """What is always the same for one caller."""

    def is_open(self, times: str) -> tuple[bool, str]:
        if self.at is None:
            return False, "the time is not known"
        return self.times[times].is_open(self.at)

    def values(self, outcome: Outcome) -> dict[str, str]:
        """What the places of templates are filled with."""
        found = {f"header.{name}": value for name, value in self.headers.items()}
        found |= {"called": self.number, "caller": self.caller, "trunk": self.trunk}
        if isinstance(outcome, Route):
            for expression, text in (
                (outcome.regex, self.number),
                (outcome.caller_regex, self.caller),
            ):
                if expression:
                    groups = regex.compiled(expression).captures(text) or {}
                    found = {name.lower(): value for name, value in groups.items()} | found
        return found


class Rule:
    """A route of the plan, ready to be compared."""

    def __init__(self, place: int, route: Route) -> None:
        self.route = route
        self.label = f"route {place}" + (f" ({route.name})" if route.name else "")
        self._regex = regex.compiled(route.regex) if route.regex else None
        self._caller_regex = regex.compiled(route.caller_regex) if route.caller_regex else None
        self._headers: list[tuple[str, str | Regex]] = [
            (name.lower(), value) for name, value in route.headers.items()
        ]
        self._headers += [
            (name.lower(), regex.compiled(expression))
            for name, expression in route.headers_regex.items()
        ]
        self.called: Pattern | None = self._called()
        """What the called number must have, for the index; a number with it may still not match."""
        self.callers: tuple[Pattern, ...] = self._callers()

    def holds(self, call: Context) -> bool:
        route = self.route
        if self.called is not None and not self._number_fits(call):
            return False
        if self.callers and not self._caller_fits(call):
            return False
        if route.trunks and call.trunk not in route.trunks:
            return False
        if route.anonymous is not None and route.anonymous != call.anonymous:
            return False
        if any(not _fits(call.headers.get(name), wanted) for name, wanted in self._headers):
            return False
        if route.during and not any(call.is_open(times)[0] for times in route.during):
            return False
        return not any(call.is_open(times)[0] for times in route.outside)

    def why_not(self, call: Context) -> str:
        """The first condition that does not hold, in words; empty when all do."""
        return next(self._reasons(call), "")

    def _reasons(self, call: Context) -> Iterator[str]:
        route = self.route
        if self.called is not None and not self._number_fits(call):
            key = next(key for key in route.conditions)
            yield f"{call.number or 'no number'} is not {key} {getattr(route, key)}"
        if self.callers and not self._caller_fits(call):
            shown = call.caller or "anonymous"
            if route.caller_regex:
                yield f"caller {shown} does not match caller_regex {route.caller_regex}"
            yield f"caller {shown} is not among callers {_listed(route.callers)}"
        if route.trunks and call.trunk not in route.trunks:
            yield f"trunk {call.trunk or 'unknown'} is not {_listed(route.trunks)}"
        if route.anonymous is not None and route.anonymous != call.anonymous:
            yield "the caller withholds the number" if call.anonymous else "the caller is known"
        for name, wanted in self._headers:
            if not _fits(value := call.headers.get(name), wanted):
                yield f"there is no header {name}" if value is None else f"header {name} differs"
        if route.during:
            states = [call.is_open(times) for times in route.during]
            if not any(is_open for is_open, _ in states):
                yield f"not during {_listed(route.during)}: {states[0][1]}"
        for times in route.outside:
            is_open, why = call.is_open(times)
            if is_open:
                yield f"not outside {times}: {why}"

    def _called(self) -> Pattern | None:
        route = self.route
        if route.number:
            return pattern.exact(route.number)
        if route.prefix:
            return pattern.prefix(route.prefix)
        if route.pattern:
            return pattern.parse(route.pattern)
        return pattern.prefix(self._regex.prefix) if self._regex else None

    def _callers(self) -> tuple[Pattern, ...]:
        found = [
            pattern.parse(entry) if entry.startswith("_") else pattern.exact(entry)
            for entry in self.route.callers
        ]
        if self._caller_regex:
            # With both, both must hold; either will do to find the route by.
            return tuple(found) or (pattern.prefix(self._caller_regex.prefix),)
        return tuple(found)

    def _number_fits(self, call: Context) -> bool:
        if not call.number or self.called is None or not self.called.matches(call.number):
            return False
        return self._regex is None or self._regex.matches(call.number)

    def _caller_fits(self, call: Context) -> bool:
        if not call.caller or not any(entry.matches(call.caller) for entry in self.callers):
            return False
        return self._caller_regex is None or self._caller_regex.matches(call.caller)


def _fits(value: str | None, wanted: "str | Regex") -> bool:
    if value is None:
        return False
    return wanted.matches(value) if isinstance(wanted, Regex) else value == wanted


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown}, … ({len(names)})" if len(names) > 5 else shown
