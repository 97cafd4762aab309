import re
import string

from hypothesis import example, given
from hypothesis import strategies as st

from dialplan import Answer, CallFacts, Default, Plan, Reject, Route, decide, normalize

NUMBERS = st.from_regex(r"\A\+?[0-9]{1,15}\Z")
SEPARATORS = st.text("-. ()", max_size=3)
PLAN = Plan(
    routes=(Route(number="+15551234567", agent="a"), Route(number="echo", agent="b")),
    default=Default(agent="c"),
)


@given(st.text(max_size=400) | st.text(string.printable + "%+;٣３", max_size=80))
@example("%")
@example("%zz%4")
@example("%2525")
@example("\ud800")
def test_whatever_is_called(called):
    decision = decide(PLAN, CallFacts(called, caller=called, headers={called: called}))
    assert isinstance(decision, Answer | Reject)
    assert decision.why.isascii() and decision.why.isprintable()


@given(st.text(max_size=400))
def test_what_is_normalised_is_short_printable_ascii_and_stays_so(called):
    try:
        number = normalize(called)
    except ValueError as error:
        assert str(error).isascii()
        return
    assert 1 <= len(number) <= 64 and number.isascii() and number.isprintable()
    assert not re.search(r"[\s<>@:;\"\\%]", number)
    assert normalize(number) == number


@given(NUMBERS, st.data())
def test_separators_and_escapes_make_no_difference(number, data):
    written = "".join(
        data.draw(SEPARATORS) + (f"%{ord(c):02x}" if data.draw(st.booleans()) else c)
        for c in number
    )
    assert normalize(written) == number


@given(st.lists(NUMBERS | st.sampled_from(["echo", "sales-team"]), max_size=20), NUMBERS)
def test_the_decision_is_that_of_a_plain_search(numbers, called):
    plan = Plan(routes=tuple(Route(number=n, agent=f"a{i}") for i, n in enumerate(numbers)))
    decision = decide(plan, CallFacts(called))
    if called in numbers:
        assert isinstance(decision, Answer) and decision.agent == f"a{numbers.index(called)}"
    else:
        assert isinstance(decision, Reject) and decision.code == 404


@given(st.characters(categories=["Nd"], exclude_characters=string.digits))
def test_digits_of_other_scripts_are_no_digits(digit):
    assert isinstance(decide(PLAN, CallFacts(f"+1555123456{digit}")), Reject)
