"""How one trunk writes numbers, and how they become E.164."""

import functools
import re

import phonenumbers
from pydantic import Field, field_validator

from dialplan.number import normalize
from dialplan.part import Part


class Numbering(Part):
    """`[trunks.NAME.numbers]`: how this trunk writes numbers. Without it they stay as they come."""

    strip_prefix: str = Field("", max_length=16, pattern=r"^[0-9*#+]*$")
    """Taken from the front of called numbers first, such as a PBX's access code."""

    region: str = Field("", pattern=r"^([A-Z]{2})?$")
    """Country (ISO 3166, such as "US") whose valid national numbers become E.164."""

    country_code: str = Field("", pattern=r"^([1-9][0-9]{0,2})?$")
    """Country calling code that takes the place of `trunk_prefix`."""

    trunk_prefix: str = Field("", max_length=8, pattern=r"^[0-9*#]*$")
    """What national numbers begin with, such as "0"; needs `country_code`."""

    international_prefix: str = Field("", max_length=8, pattern=r"^[0-9*#]*$")
    """What international numbers begin with, such as "00" or "011"."""

    plus_missing: bool = False
    """Numbers come in E.164 without their "+"."""

    min_digits: int = Field(7, ge=1, le=15)
    """Shorter numbers are extensions and stay as they are."""

    @field_validator("region")
    @classmethod
    def _is_a_region(cls, region: str) -> str:
        if region and region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("not the code of a country (ISO 3166, two capital letters)")
        return region

    def called(self, user: str) -> str:
        """A called number as routes are compared with it. Raises ValueError as `normalize`."""
        number = normalize(user)
        return self.e164(number.removeprefix(self.strip_prefix) or number)

    def caller(self, user: str) -> str:
        return self.e164(normalize(user))

    def e164(self, number: str) -> str:
        """The normalised number with its country where the rules tell it, or as it is."""
        if not re.fullmatch(r"[0-9]+", number) or len(number) < self.min_digits:
            return number
        if (start := self.international_prefix) and number.startswith(start):
            return _with_plus(number[len(start) :], number)
        if self.region and (found := _national(number, self.region)):
            return found
        if self.country_code and self.trunk_prefix and number.startswith(self.trunk_prefix):
            return _with_plus(self.country_code + number[len(self.trunk_prefix) :], number)
        return _with_plus(number, number) if self.plus_missing else number


AS_IT_COMES = Numbering()


def _with_plus(digits: str, otherwise: str) -> str:
    # E.164: at most 15 digits, and no country code begins with 0.
    return f"+{digits}" if re.fullmatch(r"[1-9][0-9]{1,14}", digits) else otherwise


@functools.lru_cache(maxsize=1024)
def _national(number: str, region: str) -> str:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
