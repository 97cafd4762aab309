import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import Dial, NoDial, Outbound

US = Outbound(countries=("US",))
OPEN = Outbound(countries=("US", "DE", "GB"), international=True, premium=True, allow=("_!",))


@pytest.mark.parametrize(
    "number",
    ["911", "112", "110", "999", "+1911", "+49112", "+49110", "9911", "0112", "9 1-1", "%39%31%31"],
)
def test_emergency_numbers_are_refused_whatever_is_allowed(number):
    decision = OPEN.decide(number)
    assert isinstance(decision, NoDial) and decision.code == 403
    assert decision.why.endswith("is an emergency number, which is never called from here")


def test_what_begins_like_an_emergency_number_of_our_own_country_is_taken_for_it():
    assert isinstance(US.decide("9112"), NoDial)
    assert isinstance(Outbound(countries=("DE",)).decide("9112"), NoDial)  # 9 for an outside line
    assert isinstance(Outbound(countries=("DE",)).decide("2001"), Dial)


def test_without_a_country_those_of_any_are_refused():
    for number in ("000", "110", "119", "190", "999"):
        assert isinstance(Outbound().decide(number), NoDial)
    assert isinstance(Outbound().decide("1001"), Dial)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+4930123456", "a number of DE, and dialplan.outbound.countries names US"),
        ("+18765550123", "a number of JM"),
        ("+19005550123", "a premium number"),
        ("+870773111632", "a number of 001"),
        ("+15551234567", "no valid number of any country"),
        ("004930123456", "not in international form"),
        ("*21*0190123456#", "a service code"),
        ("a4930123456", "neither a number nor a name"),
    ],
)
def test_what_may_cost_is_refused_with_the_key_that_would_allow_it(number, why):
    decision = US.decide(number)
    assert isinstance(decision, NoDial) and why in decision.why


@pytest.mark.parametrize(
    "outbound",
    [
        Outbound(allow=("+4930123456",)),
        Outbound(allow=("_+49.",)),
        Outbound(countries=("DE",)),
        Outbound(international=True),
    ],
)
def test_ways_to_allow_a_number(outbound):
    assert isinstance(outbound.decide("+4930123456"), Dial)


def test_forbidden_wins_over_allowed():
    outbound = Outbound(international=True, allow=("_+49.",), forbid=("_+4930.",))
    assert isinstance(outbound.decide("+4930123456"), NoDial)
    assert isinstance(outbound.decide("+4989123456"), Dial)


def test_national_numbers_are_those_of_the_first_country():
    outbound = Outbound(countries=("DE", "US"))
    assert outbound.decide("030 123456").number == "+4930123456"
    assert outbound.decide("0900 1234567").code == 403


@given(st.text(max_size=80) | st.text("+0123456789*#-.a", max_size=24))
def test_whatever_is_asked_for_gets_an_answer_that_can_be_printed(number):
    decision = US.decide(number, caller_id="1001")
    assert decision.why.isprintable() and decision.why.isascii()
    if isinstance(decision, Dial):
        digits = [c for c in decision.number if c.isdigit()]
        assert decision.number.startswith("+1") or len(digits) <= 6
