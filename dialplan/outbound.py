"""Which numbers may be called, over which trunks, and as whom.

Whoever finds a way to make a plugin dial can make it dial what pays them. So the default is to
refuse: numbers of countries that are not named, premium numbers, service codes. Emergency numbers
are refused always: a machine has no emergency, and cannot answer a call back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from dialplan import emergency
from dialplan.entry import Entry, ReferEntry
from dialplan.number import normalize
from dialplan.numbering import Numbering
from dialplan.part import Part
from dialplan.pattern import PatternList

EXTENSION_DIGITS = 6
"""A number of so many digits or fewer, without `+`, is an extension of whoever it goes to."""


def _region(code: str) -> str:
    if code not in emergency.REGIONS:
        raise ValueError('not the code of a country (ISO 3166), such as "US"')
    return code


def _number(text: str) -> str:
    return normalize(text) if text else text


Number = Annotated[str, AfterValidator(_number)]


class OutboundRule(Part):
    """`[[dialplan.outbound.rules]]`: the trunks of some numbers. The first that fits decides."""

    numbers: tuple[Entry, ...] = Field((), max_length=10_000)
    """Numbers and patterns (with a `_`) that it is for; none: for all."""

    trunks: tuple[Annotated[str, Field(max_length=64)], ...] = Field((), max_length=16)
    """Names of the trunks in the order in which they are tried; none: any that is ready."""

    caller_id: Number = ""
    """The number that we call as, unless the request says another that is allowed."""

    headers: dict[str, Annotated[str, Field(max_length=256)]] = Field({}, max_length=8)
    """Headers of the INVITE, such as `X-Tenant`, with their texts."""

    accept_refer: tuple[ReferEntry, ...] = Field((), max_length=1000)
    """Numbers, patterns (with a `_`) and SIP addresses that the called side may send the agent on
    to (REFER), if the outbound rules allow them too; none: it may not."""

    accept_replaces: bool = False
    """The trunk may put another call in the place of this one (an INVITE with Replaces)."""

    @cached_property
    def matcher(self) -> PatternList:
        return PatternList.of(self.numbers)


class Outbound(Part):
    """`[dialplan.outbound]`: what may be called."""

    countries: tuple[Annotated[str, AfterValidator(_region)], ...] = Field((), max_length=300)
    """Countries (ISO 3166, such as "US") whose numbers may be called, our own one first."""

    international: bool = False
    """Numbers of all other countries may be called too."""

    premium: bool = False
    """Numbers that cost more than others (premium rate, shared cost) may be called too."""

    allow: tuple[Entry, ...] = Field((), max_length=10_000)
    """Numbers and patterns that may be called whatever the keys above say."""

    forbid: tuple[Entry, ...] = Field((), max_length=10_000)
    """Numbers and patterns that may not be called, whatever else is said."""

    caller_ids: tuple[Entry, ...] = Field((), max_length=10_000)
    """Numbers and patterns that a request may call as; none: any."""

    rules: tuple[OutboundRule, ...] = Field((), max_length=1000)
    """Trunks and caller-IDs by number, tried in their order. With rules, a number needs one."""

    @field_validator("countries")
    @classmethod
    def _no_country_twice(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(countries)) < len(countries):
            raise ValueError("a country is named twice")
        return countries

    @model_validator(mode="after")
    def _own_caller_ids_are_allowed(self) -> Self:
        listed = PatternList.of(self.caller_ids)
        for index, rule in enumerate(self.rules):
            if rule.caller_id and self.caller_ids and not listed.find(rule.caller_id):
                raise ValueError(f"rules[{index}].caller_id is not among caller_ids")
        return self

    @cached_property
    def _lists(self) -> tuple[PatternList, PatternList, PatternList]:
        lists = (self.allow, self.forbid, self.caller_ids)
        return tuple(PatternList.of(entries) for entries in lists)  # type: ignore[return-value]

    def decide(self, number: str, trunk: str = "", caller_id: str = "") -> "Dial | NoDial":
        """Whether a number may be called, and how.

        `trunk` and `caller_id` are what the request asks for, or empty. Numbers come as people
        write them.
        """
        try:
            called = self._e164(normalize(number))
            caller = normalize(caller_id) if caller_id else ""
        except ValueError as error:
            return NoDial(484, f"the number is {error}")
        allow, _, caller_ids = self._lists
        if emergency.is_emergency(called, self.countries):
            return NoDial(403, f"{called} is an emergency number, which is never called from here")
        if why := self._refusal(called):
            return NoDial(403, why)
        if caller and self.caller_ids and not caller_ids.find(caller):
            return NoDial(403, f"calls as {caller} are not among dialplan.outbound.caller_ids")
        entry = allow.find(called)
        because = f"{called} is allowed by {entry}" if entry else f"{called} may be called"
        if not self.rules:
            return Dial(called, (trunk,) if trunk else (), caller, f"{because}; there are no rules")
        return self._by_rule(called, trunk, caller, because)

    def _by_rule(self, called: str, trunk: str, caller: str, because: str) -> "Dial | NoDial":
        for place, rule in enumerate(self.rules, start=1):
            if rule.numbers and not rule.matcher.find(called):
                continue
            if trunk and rule.trunks and trunk not in rule.trunks:
                which = ", ".join(rule.trunks)
                why = f"outbound rule {place} sends {called} over {which}, not over {trunk}"
                return NoDial(403, why)
            trunks = (trunk,) if trunk else rule.trunks
            return Dial(
                called,
                trunks,
                caller or rule.caller_id,
                f"{because}; rule {place}",
                rule.headers,
                rule.accept_refer,
                rule.accept_replaces,
            )
        return NoDial(403, f"no outbound rule is for {called}")

    def _refusal(self, called: str) -> str:
        """Why it may not be called, or nothing."""
        allow, forbid, _ = self._lists
        if entry := forbid.find(called):
            return f"{called} is forbidden by {entry} of dialplan.outbound.forbid"
        if allow.find(called):
            return ""
        hint = "; dialplan.outbound.allow can name it"
        if not re.fullmatch(r"\+?[0-9*#]+", called):
            # A gateway on the way may take a name with many digits for the number in it.
            digits = sum(character.isdigit() for character in called)
            if digits > EXTENSION_DIGITS:
                return f"{called} is neither a number nor a name{hint}"
            return ""
        if re.search(r"[*#]", called):
            return f"{called} is a service code{hint}"
        if not called.startswith("+"):
            if len(called) > EXTENSION_DIGITS:
                return f"{called} is not in international form (+ and the country's code){hint}"
            if not self.premium and emergency.is_costly_short_number(called, self.countries):
                return f"{called} is a premium number; dialplan.outbound.premium allows these"
            return ""
        country, costly = emergency.country_of(called)
        if costly and not self.premium:
            return f"{called} is a premium number; dialplan.outbound.premium allows these"
        if self.international:
            return ""
        if not country:
            return f"{called} is no valid number of any country{hint}"
        if country not in self.countries:
            named = ", ".join(self.countries) or "none"
            return (
                f"{called} is a number of {country}, and dialplan.outbound.countries names {named}"
            )
        return ""

    def _e164(self, number: str) -> str:
        """National numbers of our own country are as good as international ones."""
        if not self.countries:
            return number
        home = Numbering(region=self.countries[0], min_digits=EXTENSION_DIGITS + 1)
        return home.e164(number)


@dataclass(frozen=True, slots=True)
class Dial:
    """The number may be called."""

    number: str
    """Normalised, in E.164 where the country is known."""
    trunks: tuple[str, ...]
    """In the order in which they are tried; empty: any that is ready."""
    caller_id: str
    """Empty: the trunk's own."""
    why: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the INVITE."""
    accept_refer: tuple[str, ...] = ()
    """Where the called side may send the agent on to."""
    accept_replaces: bool = False
    """Another call may take this one's place."""


@dataclass(frozen=True, slots=True)
class NoDial:
    """The number is not called. `why` is for the one who asked."""

    code: int
    """484 for what is no number, 403 for what may not be called."""
    why: str
