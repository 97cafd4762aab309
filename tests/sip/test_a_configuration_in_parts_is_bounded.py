"""Parts of configurations, put together: never more than one, and never more than the bound."""

import pytest

from sip_plugin.planes.messages import MAX_PART_CHARS, Reconfigure
from sip_plugin.sip.documents import MAX_CHARS, Documents, TooLong


def part(text: str, request_id: str = "r", last: bool = False) -> Reconfigure:
    return Reconfigure(request_id=request_id, part=text, last=last)


def test_the_parts_become_the_whole():
    documents = Documents()
    assert documents.take(part("ab")) is None
    assert documents.take(part("cd", last=True)) == "abcd"
    assert documents.take(part("e", last=True)) == "e", "the same request, anew"


def test_a_new_request_takes_the_place_of_an_unfinished_one():
    documents = Documents()
    documents.take(part("ab"))
    assert documents.take(part("x", "s", last=True)) == "x"
    assert documents.take(part("cd", last=True)) == "cd", "its beginning is gone"


def test_what_is_too_long_is_refused_once_and_then_dropped():
    documents, piece = Documents(), "x" * MAX_PART_CHARS
    with pytest.raises(TooLong):
        for _ in range(MAX_CHARS // MAX_PART_CHARS + 1):
            assert documents.take(part(piece)) is None
    assert documents.take(part(piece, last=True)) is None
    assert documents.take(part("ok", "s", last=True)) == "ok"


def test_what_a_lost_supervisor_began_is_forgotten():
    documents = Documents()
    documents.take(part("ab"))
    documents.clear()
    assert documents.take(part("cd", last=True)) == "cd"
