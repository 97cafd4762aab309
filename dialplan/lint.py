"""What is valid in a plan, but probably not meant: routes never reached, patterns that overlap."""

import itertools
from collections.abc import Iterator

from dialplan import pattern
from dialplan.index import Index
from dialplan.pattern import Pattern
from dialplan.plan import Path, Plan, Route

MAX_PATTERNS = 1000
"""Patterns are compared each with each; of more, only the first."""
MAX_OVERLAPS = 20
"""Told of one plan."""

_OTHER = (
    "trunks",
    "callers",
    "caller_regex",
    "anonymous",
    "headers",
    "headers_regex",
    "during",
    "outside",
)


def findings(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Paths within the plan, and what is odd there."""
    yield from _routes(plan)
    named = {name for _, name in plan.times_used()}
    for name, times in plan.times.items():
        if name not in named:
            yield ("times", name), "no route names these times"
        if not (times.hours or times.open):
            yield ("times", name), "never open: there are no hours and nothing in open"
    for index, rule in enumerate(plan.outbound.rules[:-1]):
        if not rule.numbers:
            yield ("outbound", "rules", index + 1), f"never reached: rules[{index}] is for all"
            break
    forbidden = set(plan.outbound.forbid)
    for index, entry in enumerate(plan.outbound.allow):
        if entry in forbidden:
            yield ("outbound", "allow", index), "has no effect: forbid has the same, and wins"


class _Earlier:
    """The routes so far, by the called numbers that they are for."""

    def __init__(self) -> None:
        self._by_number = Index()
        self._loose: list[tuple[int, str, Pattern]] = []
        """Patterns and prefixes, with what they begin with."""
        self._by_regex: dict[str, list[int]] = {}
        self._for_all: list[int] = []

    def covering(self, route: Route, called: Pattern | None) -> list[int]:
        """Those that are for all of the called numbers of a route."""
        found = list(self._for_all)
        if route.number:
            found += self._by_number.candidates(route.number)
        elif called is not None:
            found += [place for place, other in self.near(called) if covers(other, called)]
        elif route.regex:
            found += self._by_regex.get(route.regex, [])
        return found

    def near(self, called: Pattern) -> Iterator[tuple[int, Pattern]]:
        """The patterns that may have a number in common with this one."""
        beginning = _beginning(called)
        for place, other, another in self._loose:
            if beginning.startswith(other) or other.startswith(beginning):
                yield place, another

    def add(self, place: int, route: Route, called: Pattern | None) -> None:
        if called is not None:
            self._by_number.add(called, place)
            if not route.number and len(self._loose) < MAX_PATTERNS:
                self._loose.append((place, _beginning(called), called))
        elif route.regex:
            self._by_regex.setdefault(route.regex, []).append(place)
        else:
            self._for_all.append(place)


def _routes(plan: Plan) -> Iterator[tuple[Path, str]]:
    so_far = _Earlier()
    overlaps = 0
    for place, route in enumerate(plan.routes):
        path = ("routes", place)
        called = called_pattern(route)
        covering = so_far.covering(route, called)
        earlier = [other for other in covering if _implies(route, plan.routes[other])]
        if earlier:
            other = min(earlier)
            same = plan.routes[other].number and plan.routes[other].number == route.number
            how = "has the same number" if same else "takes all of its calls"
            yield path, f"never reached: routes[{other}] {how}, and the first wins"
        elif called is not None and not route.number and overlaps < MAX_OVERLAPS:
            for other, another in so_far.near(called):
                both = _common(another, called)
                if both and overlaps < MAX_OVERLAPS and _same_otherwise(route, plan.routes[other]):
                    overlaps += 1
                    yield path, f"overlaps routes[{other}], which comes first for {both}"
        so_far.add(place, route, called)


def called_pattern(route: Route) -> Pattern | None:
    """The called numbers of a route, unless an expression says them, or all are meant."""
    if route.number:
        return pattern.exact(route.number)
    if route.prefix:
        return pattern.prefix(route.prefix)
    return pattern.parse(route.pattern) if route.pattern else None


def _implies(route: Route, other: Route) -> bool:
    """Whether the other conditions of `other` hold whenever those of `route` do."""
    for key in _OTHER:
        wanted, have = getattr(other, key), getattr(route, key)
        if wanted in ("", (), {}, None) or wanted == have:
            continue
        if key in ("trunks", "callers") and have and set(have) <= set(wanted):
            continue
        if key in ("headers", "headers_regex") and wanted.items() <= have.items():
            continue
        if key == "during" and have and set(have) <= set(wanted):
            continue
        if key == "outside" and set(wanted) <= set(have):
            continue
        return False
    return True


def _same_otherwise(route: Route, other: Route) -> bool:
    """Two routes on purpose for different trunks, callers or times do not overlap by mistake."""
    return all(getattr(route, key) == getattr(other, key) for key in _OTHER)


def _beginning(called: Pattern) -> str:
    fixed = itertools.takewhile(lambda element: isinstance(element, str), called.elements)
    return "".join(map(str, fixed))


def covers(one: Pattern, other: Pattern) -> bool:
    """Whether every number of `other` is one of `one`."""
    if one.rest is None:
        if other.rest is not None or len(one.elements) != len(other.elements):
            return False
    elif len(other.elements) + (other.rest or 0) < len(one.elements) + one.rest:
        return False
    if len(other.elements) < len(one.elements):
        return False
    pairs = zip(one.elements, other.elements, strict=False)
    return all(set(narrow) <= set(wide) for wide, narrow in pairs)


def _common(one: Pattern, other: Pattern) -> str:
    """A number of both, or nothing."""
    least = [len(found.elements) + (found.rest or 0) for found in (one, other)]
    length = max(*least, 1)
    if any(found.rest is None and len(found.elements) != length for found in (one, other)):
        return ""
    example = ""
    for place in range(length):
        both = set("0123456789")
        wanted = [set(p.elements[place]) for p in (one, other) if place < len(p.elements)]
        if wanted:
            both = set.intersection(*wanted)
        if not both:
            return ""
        example += min(both)
    return example
