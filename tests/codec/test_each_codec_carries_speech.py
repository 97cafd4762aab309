"""Encoders and decoders, a frame at a time: what comes out is what went in, as well as it can."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import codec
from tests.leg.network import speech

ALL = [
    *[("pcm16", rate) for rate in codec.RATES_HZ],
    *[("opus", rate) for rate in codec.RATES_HZ],
    ("g711_ulaw", 8000),
    ("g711_alaw", 8000),
]


def carried(name: str, rate_hz: int, pcm: np.ndarray) -> tuple[np.ndarray, list[bytes]]:
    size = codec.frame_samples(name, rate_hz)
    encoder, decoder = codec.encoder(name, rate_hz), codec.decoder(name, rate_hz)
    frames = [encoder.encode(pcm[i : i + size]) for i in range(0, len(pcm), size)]
    return np.concatenate([decoder.decode(frame) for frame in frames]), frames


@pytest.mark.parametrize(("name", "rate_hz"), ALL)
def test_speech_arrives_whole_and_in_frames_that_a_packet_carries(name, rate_hz):
    said = speech(1.0, rate_hz)
    heard, frames = carried(name, rate_hz, said)
    assert len(heard) == len(said)
    assert max(map(len, frames)) <= 960
    if name == "pcm16":
        assert np.array_equal(heard, said)
    else:
        middle = said[rate_hz // 4 : rate_hz * 3 // 4]
        at = _best(middle, heard)
        late_ms = (at - rate_hz // 4) * 1000 / rate_hz
        assert 0 <= late_ms < 12
        assert _likeness(middle, heard, at) > (0.7 if name == "opus" else 0.99)


def _best(part: np.ndarray, whole: np.ndarray) -> int:
    return int(np.argmax(np.correlate(whole.astype(float), part.astype(float), "valid")))


def _likeness(part: np.ndarray, whole: np.ndarray, at: int) -> float:
    piece = whole[at : at + len(part)].astype(float)
    return float(part @ piece / np.sqrt((part.astype(float) @ part) * (piece @ piece)))


@pytest.mark.parametrize("name", codec.G711)
def test_g711_bytes_survive_a_decode_and_an_encode(name):
    every = bytes(range(256))
    again = codec.encoder(name, 8000).encode(codec.decoder(name, 8000).decode(every))
    # u-law has two codes for zero, of which one is made.
    changed = [code for code, made in zip(every, again, strict=True) if code != made]
    assert changed == ([0x7F] if name == "g711_ulaw" else [])


@pytest.mark.parametrize(("name", "rate_hz"), ALL)
@given(data=st.lists(st.binary(max_size=500), max_size=5))
def test_any_bytes_are_decoded_or_refused(name, rate_hz, data):
    decoder = codec.decoder(name, rate_hz)
    for payload in data:
        with contextlib.suppress(codec.CodecError):
            assert decoder.decode(payload).dtype == np.int16
    said = speech(0.2, rate_hz)
    size = codec.frame_samples(name, rate_hz)
    assert len(decoder.decode(codec.encoder(name, rate_hz).encode(said[:size]))) == size


@pytest.mark.parametrize("law", codec.G711)
def test_g711_has_one_rate(law):
    with pytest.raises(ValueError, match="8000 Hz, not 16000"):
        codec.check(law, 16_000)
