import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import CallFacts, Dialplan, Numbering, Plan, Route

GERMAN = Numbering(country_code="49", trunk_prefix="0", international_prefix="00")
AMERICAN = Numbering(region="US", international_prefix="011", strip_prefix="9")
BARE = Numbering(plus_missing=True)


@pytest.mark.parametrize(
    ("numbering", "called", "expected"),
    [
        (GERMAN, "030 123456", "+4930123456"),
        (GERMAN, "00 44 20 7946 0018", "+442079460018"),
        (GERMAN, "+4930123456", "+4930123456"),
        (GERMAN, "110", "110"),
        (GERMAN, "1001", "1001"),
        (GERMAN, "echo", "echo"),
        (AMERICAN, "2025550123", "+12025550123"),
        (AMERICAN, "12025550123", "+12025550123"),
        (AMERICAN, "92025550123", "+12025550123"),
        (AMERICAN, "0114930123456", "+4930123456"),
        (AMERICAN, "91001", "1001"),
        (AMERICAN, "9", "9"),
        (BARE, "4930123456", "+4930123456"),
        (BARE, "1001", "1001"),
        (BARE, "0000000000", "0000000000"),
        (Numbering(), "030123456", "030123456"),
    ],
)
def test_a_called_number(numbering, called, expected):
    assert numbering.called(called) == expected


def test_the_access_code_is_no_part_of_a_callers_number():
    assert AMERICAN.caller("9125550123") == "+19125550123"


def test_each_trunk_writes_in_its_own_way():
    route = Route(number="+4930123456", agent="a", callers=("_+49.",))
    dialplan = Dialplan(Plan(routes=(route,)), {"de": GERMAN, "bare": BARE})
    for trunk, called in (("de", "030123456"), ("bare", "4930123456"), ("", "+4930123456")):
        caller = called.replace("3456", "9999")
        assert dialplan.decide(CallFacts(called, caller, trunk)).route == "route 1"
    assert dialplan.decide(CallFacts("030123456", "030129999", "bare")).route == "default"


@given(st.sampled_from([GERMAN, AMERICAN, BARE]), st.text("+0123456789*#", min_size=1, max_size=20))
def test_e164_stays_as_it_is_and_nothing_grows_without_bound(numbering, number):
    found = numbering.e164(number)
    assert found == number or (found.startswith("+") and len(found) <= 16)
    assert numbering.e164(found) == found


@pytest.mark.parametrize("keys", [{"region": "XX"}, {"country_code": "0"}, {"trunk_prefix": "a"}])
def test_what_is_no_plan_of_numbers_is_refused(keys):
    with pytest.raises(ValueError):
        Numbering(**keys)
