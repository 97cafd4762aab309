import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan.regex import MAX_PROGRAM, Regex

ATOMS = st.sampled_from(
    ["a", "b", "1", "[ab]", "[^a]", "[0-9]", ".", r"\d", r"\+", r"\W", "^", "$"]
)
QUANTIFIERS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?", "??"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: (
        st.builds("({})".format, inner)
        | st.builds("(?:{}|{})".format, inner, inner)
        | st.builds("(?:{}){}".format, inner, QUANTIFIERS)
        | st.builds("{}{}".format, inner, inner)
    ),
    max_leaves=8,
)
TEXTS = st.text("ab1+c\n", max_size=8)


@given(EXPRESSIONS, TEXTS)
def test_it_agrees_with_re(expression, text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = re.compile(expression, re.ASCII)
    # Python's $ also matches before a last line end, ours only at the end.
    if "$" in expression and "\n" in text:
        return
    assert Regex(expression).matches(text) == (expected.fullmatch(text) is not None)


@given(EXPRESSIONS, TEXTS)
def test_whatever_matches_begins_with_its_prefix(expression, text):
    compiled = Regex(expression)
    if compiled.matches(text):
        assert text.startswith(compiled.prefix)


def test_groups_are_told_by_number_and_name():
    compiled = Regex(r"\+(?P<country>49|1)(\d+)(x)?")
    assert compiled.captures("+4930") == {"country": "49", "1": "49", "2": "30", "3": ""}
    assert compiled.captures("4930") is None
    assert compiled.prefix == "+"


@pytest.mark.parametrize(
    "expression",
    ["(a+)+b", "(a|a)*b", "(a*)*b", "(a|aa)+b", "a?" * 30 + "a{30}", "(.*a){12}b", "(a+){20}b"],
)
def test_a_catastrophe_of_backtracking_is_a_bounded_walk(expression):
    compiled = Regex(expression)
    steps = 0
    follow = compiled._follow

    def counted(threads, at, length):
        nonlocal steps
        found = follow(threads, at, length)
        steps += len(found)
        return found

    compiled._follow = counted
    compiled.matches("a" * 256)
    assert steps <= MAX_PROGRAM * 257


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        (r"(a)\1", "escaped letters"),
        ("(?=a)b", "of the"),
        ("(?<!a)b", "of the"),
        ("(?>a+)b", "of the"),
        ("(?i)a", "of the"),
        ("a++", "repetition is repeated"),
        ("a**", "repetition is repeated"),
        ("*a", "repetition of nothing"),
        ("a{65}", "beyond 64"),
        ("a{3,2}", "goes down"),
        ("((a{50}){50}){50}", "too big"),
        ("(a", "not closed"),
        ("a)", "closes nothing"),
        ("[a", "ends too early"),
        ("[z-a]", "does not go up"),
        ("(?P<x>a)(?P<x>b)", "twice"),
        ("(" * 17 + ")" * 17, "deep"),
        ("a" * 257, "more than 256"),
        ("\\", "ends too early"),
    ],
)
def test_what_is_not_taken_is_refused_with_its_reason(expression, fault):
    with pytest.raises(ValueError, match=fault):
        Regex(expression)


@given(
    st.text(max_size=40) | st.text(r"()[]{}*+?|\^$.-,:P<>=!a1", max_size=40), st.text(max_size=20)
)
def test_any_text_is_an_expression_or_refused(expression, text):
    try:
        Regex(expression).matches(text)
    except ValueError as error:
        assert str(error).isprintable()
