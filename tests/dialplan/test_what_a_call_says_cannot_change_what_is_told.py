import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import Answer, CallFacts, Default, Plan, Redirect, Reject, Route, decide

PLAN = Plan(
    routes=(
        Route(
            regex=r"(?P<room>[0-9]{3})(x.*)?",
            agent="a",
            variables={"room": "{room}", "who": "{caller}", "note": "<{header.x-note}> {{}} {2}"},
        ),
        Route(prefix="9", redirect="sip:{called:1}@pbx.example.net"),
        Route(prefix="8", redirect="{called:1}"),
    ),
    default=Default(agent="a", variables={"last": "{called:-4}"}),
)


def test_places_are_filled():
    call = CallFacts("123xyz", "+1", headers={"X-Note": "hi {room}"})
    assert dict(decide(PLAN, call).variables) == {
        "room": "123",
        "who": "+1",
        "note": "<hi {room}> {} xyz",
    }
    assert dict(decide(PLAN, CallFacts("+15551234567")).variables) == {"last": "4567"}


def test_line_breaks_of_a_header_do_not_become_lines():
    call = CallFacts("123", headers={"x-note": "a\r\nVia: evil\x00"})
    assert decide(PLAN, call).variables["note"] == "<a  Via: evil > {} "


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400))
def test_whatever_is_in_the_call(called, caller, note):
    for number in (called, "9" + called, "8" + called, "123x" + called):
        decision = decide(PLAN, CallFacts(number, caller, "t", {"X-Note": note, note: caller}))
        assert decision.why.isascii() and decision.why.isprintable()
        if isinstance(decision, Answer):
            for text in decision.variables.values():
                assert text.isprintable() and len(text) <= 256
        if isinstance(decision, Redirect):
            assert decision.target.isascii() and decision.target.isprintable()
            assert not set(decision.target) & set(' <>"\\')


def test_a_target_that_is_none_is_a_refusal():
    decision = decide(PLAN, CallFacts("8"))
    assert isinstance(decision, Reject)
    assert decision.why == "route 3 is for 8, but leads to no number or address"


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"variables": {"x": "{nobody}"}}, "a place that nothing fills"),
        ({"variables": {"x": "{1}"}}, "a place that nothing fills"),
        ({"variables": {"x": "{"}}, "is no place"),
        ({"variables": {"x": "{called!r}"}}, "is no place"),
        ({"variables": {"x": "{called.__class__}"}}, "is no place"),
        ({"variables": {"X": "1"}}, "pattern"),
        ({"language": "en", "variables": {"language": "de"}}, "given twice"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(keys, fault):
    with pytest.raises(ValueError, match=fault):
        Route(number="1", agent="a", **keys)


@pytest.mark.parametrize("key", ["redirect", "transfer"])
@pytest.mark.parametrize(
    "target", ["two words", "sip:a b@c", "sip:{header.x-to}@c", "<sip:a@b>", "a\r\nb"]
)
def test_a_target_that_is_no_address_is_refused(key, target):
    with pytest.raises(ValueError):
        Route(number="1", **{key: target})
