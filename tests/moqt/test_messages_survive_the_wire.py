import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.moqt import codec
from bridge.moqt.draft18 import DRAFT_18
from bridge.moqt.errors import SessionError
from tests.moqt.wire import MESSAGES


def read(data: bytes) -> list:
    return list(codec.MessageReader(DRAFT_18).feed(data))


@settings(max_examples=400)
@given(MESSAGES)
def test_a_message_is_read_as_it_was_written(message):
    assert read(codec.encode(DRAFT_18, message)) == [message]


@given(st.lists(MESSAGES, max_size=4), st.integers(1, 9))
def test_messages_are_found_however_the_stream_is_cut(messages, size):
    data = b"".join(codec.encode(DRAFT_18, message) for message in messages)
    reader, found = codec.MessageReader(DRAFT_18), []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size])
    assert found == messages
    assert not reader.unfinished


@given(MESSAGES, st.data())
def test_a_message_whose_length_is_short_is_a_violation_or_another_message(message, data):
    raw = codec.encode(DRAFT_18, message)
    number_size = len(raw) - len(raw.lstrip(b"\xaf")) + 1 if raw[0] == 0xAF else 1
    body = raw[number_size + 2 :]
    cut = data.draw(st.integers(0, max(0, len(body) - 1)))
    short = raw[:number_size] + cut.to_bytes(2, "big") + body[:cut]
    try:
        (read_back,) = read(short)
    except SessionError:
        return
    # Fields at the end that may be left out, or that go to the end, hide the cut.
    assert type(read_back) is type(message)


@settings(max_examples=500)
@given(st.binary(max_size=200))
def test_nonsense_is_a_violation_or_waits_for_more(data):
    try:
        for message in read(data):
            codec.encode(DRAFT_18, message)
    except SessionError:
        pass


@settings(max_examples=500)
@given(MESSAGES, st.data())
def test_a_message_with_a_changed_byte_never_breaks_the_reader(message, data):
    raw = bytearray(codec.encode(DRAFT_18, message))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SessionError):
        read(bytes(raw))


def test_a_message_beyond_what_the_reader_takes_is_refused_before_it_came():
    reader = codec.MessageReader(DRAFT_18, most=100)
    with pytest.raises(SessionError, match="101 bytes, over 100"):
        list(reader.feed(b"\x03\x00\x65"))
