import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.moqt import objects, pairs, varint
from bridge.moqt.errors import SessionError
from tests.moqt.wire import NUMBERS

PROPERTIES = st.lists(st.tuples(st.just(6), NUMBERS), max_size=2).map(pairs.encode)


@given(NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=50), PROPERTIES)
def test_a_datagram_is_read_as_it_was_written(alias, group, object_id, payload, properties):
    raw = objects.encode_datagram(alias, group, object_id, payload, properties)
    found = objects.decode_datagram(raw)
    assert found == (alias, group, object_id, properties, payload, objects.NORMAL, None)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("0c0507aabb", (5, 7, 0, b"", b"\xaa\xbb", 0, None)),  # no object id
        ("00050709800a", (5, 7, 9, b"", b"\x0a", 0, 0x80)),  # a priority of its own
        ("0a05070999", (5, 7, 9, b"", b"\x99", 0, None)),  # the last of its group
        ("2805070903", (5, 7, 9, b"", b"", 3, None)),  # a status: end of group
        ("2905070902063200", (5, 7, 9, b"\x06\x32", b"", 0, None)),  # normal, empty
    ],
)
def test_every_form_of_a_datagram_is_understood(raw, found):
    assert objects.decode_datagram(bytes.fromhex(raw)) == found


def _outcome(decode, raw):
    try:
        return decode(raw)
    except SessionError as error:
        return error.code, error.reason


@given(st.binary(max_size=40), st.integers(0, 0x2F))
def test_the_short_way_and_the_general_one_read_alike(rest, kind):
    for raw in (rest, bytes((kind,)) + rest, bytes((9, 5, 7, 3, 5, 6)) + rest, b"\x09" + rest):
        assert _outcome(objects.decode_datagram, raw) == _outcome(objects.decode_any_datagram, raw)


@given(NUMBERS, NUMBERS, st.integers(0, 200), st.binary(min_size=1, max_size=150), st.data())
def test_they_read_alike_what_is_cut_off(alias, group, object_id, properties, data):
    raw = objects.encode_datagram(alias, group, object_id, b"x" * 20, properties)
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    assert _outcome(objects.decode_datagram, raw) == _outcome(objects.decode_any_datagram, raw)


def test_padding_is_no_object():
    assert objects.decode_datagram(varint.encode(objects.PADDING_DATAGRAM) + bytes(9)) is None


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "10",
        "40aabb",
        "2205070903",
        "0d",
        "09050709",
        "0905070900",
        "2805070905",
        "2905070902063203",
    ],
    ids=[
        "empty",
        "a subgroup's type",
        "no type at all",
        "a status that ends the group",
        "cut off",
        "no properties where some must be",
        "properties of 0 bytes",
        "an unknown status",
        "properties at the end of a group",
    ],
)
def test_a_datagram_that_must_not_be_is_a_violation(raw):
    with pytest.raises(SessionError):
        objects.decode_datagram(bytes.fromhex(raw))


OBJECTS = st.lists(st.tuples(st.integers(0, 2**30), PROPERTIES, st.binary(max_size=40)), max_size=6)


@given(NUMBERS, NUMBERS, st.booleans(), OBJECTS, st.integers(1, 9))
def test_a_subgroup_is_read_as_it_was_written(alias, group, has_properties, said, size):
    raw = objects.subgroup_head(alias, group, has_properties=has_properties)
    expected, at = [], -1
    for delta, properties, payload in said:
        properties = properties if has_properties else b""
        at += delta + 1
        expected.append((at, properties, payload, objects.NORMAL))
        raw += objects.encode_object(delta, payload, properties if has_properties else None)
    kind, start = varint.decode(raw, 0)
    assert objects.is_subgroup(kind)
    reader, found = objects.SubgroupReader(kind, 1000, 100), []
    for begin in range(start, len(raw), size):
        found += reader.feed(raw[begin : begin + size])
    assert found == expected
    assert reader.header[:3] == (alias, group, 0)
    assert not reader.unfinished


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        (0x10, (1, 2, 0, 0x55, False, False)),
        (0x12, (1, 2, None, 0x55, False, False)),
        (0x34, (1, 2, 0x55, None, False, False)),
        (0x5D, (1, 2, 0x55, 0x66, True, True)),
    ],
)
def test_every_form_of_a_subgroup_header_is_understood(kind, head):
    reader = objects.SubgroupReader(kind, 100, 100)
    assert reader.read_header(bytes.fromhex("01025566"))
    assert reader.header == head


@settings(max_examples=300)
@given(st.sampled_from([k for k in range(0x80) if k & 0x10 and k & 6 != 6]), st.binary(max_size=90))
def test_nonsense_on_a_subgroup_stream_breaks_nothing(kind, data):
    reader = objects.SubgroupReader(kind, 30, 10)
    try:
        for found in reader.feed(data):
            assert len(found.payload) <= 30
            assert len(found.properties) <= 10
    except (SessionError, objects.TooLarge):
        pass


@given(st.binary(max_size=90))
def test_nonsense_in_a_datagram_is_an_object_or_a_violation(data):
    with contextlib.suppress(SessionError):
        objects.decode_datagram(data)


@pytest.mark.parametrize("kind", [0x16, 0x1F, 0x76])
def test_a_reserved_subgroup_mode_is_a_violation(kind):
    with pytest.raises(SessionError):
        objects.is_subgroup(kind)
