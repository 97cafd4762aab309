"""Every code and every sample of G.711, against an implementation that is not ours."""

import warnings

import numpy as np
import pytest

from bridge.audio import g711

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

ALL_CODES = bytes(range(256))
ALL_SAMPLES = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
REFERENCE = {
    g711.ULAW: (audioop.ulaw2lin, audioop.lin2ulaw),
    g711.ALAW: (audioop.alaw2lin, audioop.lin2alaw),
}


@pytest.mark.parametrize("codec", REFERENCE)
def test_all_256_codes_decode_as_the_standard_library_does(codec):
    expected = np.frombuffer(REFERENCE[codec][0](ALL_CODES, 2), np.int16)
    assert g711.decode(codec, ALL_CODES).tolist() == expected.tolist()


@pytest.mark.parametrize("codec", REFERENCE)
def test_all_65536_samples_encode_as_the_standard_library_does(codec):
    assert g711.encode(codec, ALL_SAMPLES) == REFERENCE[codec][1](ALL_SAMPLES.tobytes(), 2)


@pytest.mark.parametrize("codec", REFERENCE)
def test_a_decoded_code_encodes_to_itself(codec):
    again = g711.encode(codec, g711.decode(codec, ALL_CODES))
    different = [code for code in range(256) if again[code] != code]
    # Mu-law has two zeros; the negative one comes back as the positive one.
    assert different == ([0x7F] if codec == g711.ULAW else [])
