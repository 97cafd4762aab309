import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.moqt import varint
from tests.moqt.wire import NUMBERS

EXAMPLES = [  # draft 18, section 1.4.1
    ("25", 37),
    ("8025", 37),
    ("bbbd", 15_293),
    ("ed7f3e7d", 226_442_877),
    ("faa1a0e403d8", 2_893_212_287_960),
    ("fc8998abc66bc0", 151_288_809_941_952),
    ("fefa318fa8e3ca11", 70_423_237_261_249_041),
    ("ffffffffffffffffff", 18_446_744_073_709_551_615),
]


@pytest.mark.parametrize(("data", "value"), EXAMPLES)
def test_the_drafts_examples_are_read(data, value):
    raw = bytes.fromhex(data)
    assert varint.decode(raw, 0) == (value, len(raw))


@given(NUMBERS, st.binary(max_size=3))
def test_a_number_is_written_in_the_fewest_bytes_and_read_back(value, behind):
    raw = varint.encode(value)
    assert varint.decode(raw + behind, 0) == (value, len(raw))
    fewest = next((n for n in range(1, 9) if value < 1 << 7 * n), 9)
    assert len(raw) == fewest


@given(NUMBERS)
def test_a_number_that_is_cut_off_is_told_apart(value):
    raw = varint.encode(value)
    for end in range(len(raw)):
        with pytest.raises(varint.Truncated):
            varint.decode(raw[:end], 0)


@pytest.mark.parametrize("value", [-1, 2**64])
def test_what_is_no_64_bit_number_is_not_written(value):
    with pytest.raises(ValueError, match="64-bit"):
        varint.encode(value)
