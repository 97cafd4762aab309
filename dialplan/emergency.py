"""Emergency numbers and numbers that cost: what a machine must not call by itself."""

import functools

import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Countries by ISO 3166."""
_EVERYWHERE = frozenset({"112", "911"})
_ACCESS = ("0", "9")
"""Digits that a PBX takes for an outside line."""
_COSTLY = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)


@functools.lru_cache(maxsize=1024)
def is_emergency(number: str, regions: tuple[str, ...]) -> bool:
    """Whether the number reaches an emergency service in one of the countries.

    Without countries, whether it does in any. 112 and 911 do in all, also after the digit of an
    outside line; numbers that begin like the country's own are taken for them.
    """
    digits = number.removeprefix("+")
    if not digits.isdigit():
        return False
    if digits in _EVERYWHERE or (digits[0] in _ACCESS and digits[1:] in _EVERYWHERE):
        return True
    if number.startswith("+"):
        return _emergency_abroad(digits)
    if regions:
        return any(shortnumberinfo.connects_to_emergency_number(digits, r) for r in regions)
    return len(digits) < 7 and any(shortnumberinfo.is_emergency_number(digits, r) for r in REGIONS)


def _emergency_abroad(digits: str) -> bool:
    """`+49112`: a country's code and its emergency number."""
    for length in (1, 2, 3):
        regions = phonenumbers.region_codes_for_country_code(int(digits[:length]))
        rest = digits[length:]
        if rest in _EVERYWHERE and regions:
            return True
        if any(shortnumberinfo.is_emergency_number(rest, r) for r in regions if r in REGIONS):
            return True
    return False


def is_costly_short_number(number: str, regions: tuple[str, ...]) -> bool:
    """Whether a number of a few digits is a premium service in one of the countries."""
    for region in regions:
        cost = shortnumberinfo.expected_cost_for_region(_short(number, region), region)
        if cost == shortnumberinfo.ShortNumberCost.PREMIUM_RATE:
            return True
    return False


def _short(number: str, region: str) -> phonenumbers.PhoneNumber:
    code = phonenumbers.country_code_for_region(region)
    return phonenumbers.PhoneNumber(country_code=code, national_number=int(number))


@functools.lru_cache(maxsize=1024)
def country_of(number: str) -> tuple[str, bool]:
    """Country of a number in E.164 and whether calls there cost more than others.

    The country is empty for a number that is not valid, and "001" for one of no country.
    """
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return "", False
    region = phonenumbers.region_code_for_number(parsed) or ""
    return region, phonenumbers.number_type(parsed) in _COSTLY
