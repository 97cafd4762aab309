import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan.pattern import MAX_PATTERN, parse

CHARACTERS = st.sampled_from([*string.digits, "+", "*", "#", "a", "q"])
ELEMENTS = CHARACTERS | st.sampled_from(["X", "Z", "N", "x", "[2-5]", "[13-59]", "[a-c1]", "-"])
PATTERNS = st.builds(
    lambda elements, tail: "_" + "".join(elements) + tail,
    st.lists(ELEMENTS, min_size=1, max_size=8).filter(lambda found: set(found) != {"-"}),
    st.sampled_from(["", ".", "!"]),
)
NUMBERS = st.lists(CHARACTERS, max_size=12).map("".join)


def as_expression(pattern):
    """What Asterisk's documentation says, in the words of another engine."""
    parts = re.findall(r"\[[^\]]+\]|.", pattern[1:])
    words = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*", "-": ""}
    return "".join(
        words.get(part.upper(), part if part[0] == "[" and len(part) > 1 else re.escape(part))
        for part in parts
    )


@given(PATTERNS, NUMBERS)
def test_any_pattern_and_number(pattern, number):
    expected = re.fullmatch(as_expression(pattern), number) is not None
    assert parse(pattern).matches(number) == expected


@given(PATTERNS, st.data())
def test_numbers_made_for_the_pattern(pattern, data):
    number = data.draw(
        st.from_regex(as_expression(pattern), fullmatch=True, alphabet="0123456789+*#aq")
    )
    assert parse(pattern).matches(number)


def test_the_underscore_may_be_left_out():
    assert parse("+1NXXNXXXXXX") == parse("_+1NXXNXXXXXX")


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("_", "empty"),
        ("_-", "empty"),
        ("_1.2", "before the end"),
        ("_[12", "not closed"),
        ("_[]", "holds nothing"),
        ("_[5-2]", "does not go up"),
        ("_1\r\n", "no number has"),
        ("_\u0661", "no number has"),
        ("_" + "1" * MAX_PATTERN, "more than"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern, fault):
    with pytest.raises(ValueError, match=fault):
        parse(pattern)


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(text):
    try:
        pattern = parse(text)
    except ValueError as error:
        assert str(error).isascii()
    else:
        assert pattern.elements or pattern.rest is not None
