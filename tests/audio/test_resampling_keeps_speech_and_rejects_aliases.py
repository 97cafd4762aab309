"""What the filter does to tones, told in dB."""

import numpy as np
import pytest

from bridge.audio.resample import DELAY_MS, Resampler

AMPLITUDE = 16_000


def _tone(hz: float, rate: int, ms: int = 400) -> np.ndarray:
    time = np.arange(rate * ms // 1000) / rate
    return np.rint(AMPLITUDE * np.sin(2 * np.pi * hz * time)).astype(np.int16)


def _gain_db(hz: float, from_hz: int, to_hz: int) -> float:
    """Power of everything that comes out, over the tone that went in."""
    out = Resampler(from_hz, to_hz).push(_tone(hz, from_hz))[to_hz // 50 :].astype(float)
    power = max(float(np.mean(out**2)), 1e-3)
    return 10 * np.log10(power / (AMPLITUDE**2 / 2))


UP_AND_DOWN = [(8000, 16000), (8000, 24000), (16000, 8000), (24000, 8000), (48000, 8000)]


@pytest.mark.parametrize(("from_hz", "to_hz"), UP_AND_DOWN)
@pytest.mark.parametrize("hz", [100, 300, 1000, 2000, 3000])
def test_the_voice_passes_flat(from_hz, to_hz, hz):
    assert abs(_gain_db(hz, from_hz, to_hz)) < 0.05


@pytest.mark.parametrize(("from_hz", "to_hz"), UP_AND_DOWN)
def test_the_edge_of_the_phone_band_loses_less_than_1_db(from_hz, to_hz):
    assert -1.0 < _gain_db(3400, from_hz, to_hz) < 0.05


@pytest.mark.parametrize("from_hz", [16000, 24000, 48000])
@pytest.mark.parametrize(("hz", "rejection_db"), [(4200, 54), (4400, 70), (4600, 70), (7000, 70)])
def test_what_the_phone_cannot_carry_does_not_fold_into_it(from_hz, hz, rejection_db):
    assert _gain_db(hz, from_hz, 8000) < -rejection_db


@pytest.mark.parametrize("to_hz", [16000, 24000, 48000])
def test_upsampling_makes_no_mirror_image(to_hz):
    out = Resampler(8000, to_hz).push(_tone(1000, 8000, 1000))[to_hz // 50 :].astype(float)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out)))) ** 2
    above = np.fft.rfftfreq(len(out), 1 / to_hz) > 4500
    assert 10 * np.log10(spectrum[above].max() / spectrum.max()) < -70


@pytest.mark.parametrize(("from_hz", "to_hz"), UP_AND_DOWN)
def test_a_click_arrives_2_ms_later(from_hz, to_hz):
    click = np.zeros(from_hz // 50, np.int16)
    click[from_hz // 100] = 30_000
    out = Resampler(from_hz, to_hz).push(click)
    assert int(np.abs(out).argmax()) == (10 + DELAY_MS) * to_hz // 1000


@pytest.mark.parametrize(("from_hz", "to_hz"), [*UP_AND_DOWN, (16000, 24000), (24000, 16000)])
def test_a_constant_comes_out_constant(from_hz, to_hz):
    out = Resampler(from_hz, to_hz).push(np.full(from_hz // 10, 12_345, np.int16))
    assert set(out[to_hz // 50 :].tolist()) == {12_345}


@pytest.mark.parametrize(("from_hz", "to_hz"), UP_AND_DOWN)
def test_full_scale_saturates_and_does_not_wrap(from_hz, to_hz):
    square = np.where(np.arange(from_hz // 10) % (from_hz // 200) < from_hz // 400, 32767, -32768)
    out = Resampler(from_hz, to_hz).push(square.astype(np.int16)).astype(int)
    assert out.max() == 32767 and out.min() == -32768
    again = out[to_hz // 50 :].reshape(-1, to_hz // 200)  # 200 Hz: every period sounds alike
    assert np.ptp(again, axis=0).max() <= 1
