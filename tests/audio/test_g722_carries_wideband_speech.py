"""G.722 and the two bands: tones of both come through, at the same level, and joined again."""

import numpy as np
import pytest

from bridge.audio import g722
from bridge.audio.wideband import BandJoin, BandSplit, UpperBand


def tone(hz: float, rate: int, secs: float = 1.0, peak: int = 8000) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hz * np.arange(round(rate * secs)) / rate)).astype(np.int16)


def share(pcm: np.ndarray, hz: float, rate: int) -> float:
    """Level of a tone against a full one, in dB."""
    part = pcm[rate // 10 :].astype(np.float64)
    wave = np.exp(-2j * np.pi * hz * np.arange(len(part)) / rate)
    return float(20 * np.log10(2 * np.abs(np.mean(part * wave)) / 8000 + 1e-9))


def through(wide: np.ndarray) -> np.ndarray:
    coder, decoder = g722.Encoder(16000), g722.Decoder()
    frames = [wide[i : i + 320] for i in range(0, len(wide), 320)]
    coded = [coder.encode(frame) for frame in frames]
    assert {len(data) for data in coded} == {160}
    return np.concatenate([decoder.decode(data) for data in coded])


@pytest.mark.parametrize("hz", [300, 1000, 3000, 5000, 6500])
def test_tones_of_both_bands_come_through(hz):
    assert abs(share(through(tone(hz, 16000)), hz, 16000)) < 1.0


def test_narrowband_speech_is_sent_at_its_level():
    coder, decoder = g722.Encoder(), g722.Decoder()
    pcm = tone(1000, 8000)
    coded = [coder.encode(pcm[i : i + 160]) for i in range(0, 8000, 160)]
    assert {len(data) for data in coded} == {160}
    heard = np.concatenate([decoder.decode(data) for data in coded])
    assert abs(share(heard, 1000, 16000)) < 0.5
    assert share(heard, 7000, 16000) < -40


def test_any_payload_decodes():
    rng = np.random.default_rng(1)
    decoder = g722.Decoder()
    for size in (0, 1, 79, 160, 1500):
        assert len(decoder.decode(rng.bytes(size))) == 2 * size


@pytest.mark.parametrize("rate", [16000, 24000])
@pytest.mark.parametrize("hz", [300, 3000, 3900, 4100, 5000, 6500])
def test_the_bands_together_are_what_came_in(hz, rate):
    split, join = BandSplit(), BandJoin(rate)
    wide = tone(hz, 16000)
    made = []
    for i in range(0, len(wide), 320):
        low, high = split.push(wide[i : i + 320])
        assert (len(low), len(high)) == (160, 320)
        made.append(join.push(low, UpperBand(high)))
        assert len(made[-1]) == rate // 50
    assert abs(share(np.concatenate(made), hz, rate)) < 0.5


def test_a_muted_upper_band_leaves_the_lower_one():
    split, join = BandSplit(), BandJoin(16000)
    wide = tone(1000, 16000, peak=4000) + tone(6000, 16000, peak=4000)
    made = []
    for i in range(0, len(wide), 320):
        low, high = split.push(wide[i : i + 320])
        made.append(join.push(low, UpperBand(high, muted=True)))
    heard = np.concatenate(made)
    assert abs(share(heard, 1000, 16000) + 6) < 0.5
    assert share(heard, 6000, 16000) < -50


def test_a_model_at_8_khz_gets_the_lower_band():
    split, join = BandSplit(), BandJoin(8000)
    low, high = split.push(tone(1000, 16000)[:320])
    assert join.push(low, UpperBand(high)).tolist() == low.tolist()
