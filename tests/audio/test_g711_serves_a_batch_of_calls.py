import numpy as np
import pytest

from bridge.audio import g711
from bridge.audio.frames import FRAME_SAMPLES


@pytest.mark.parametrize("codec", [g711.ULAW, g711.ALAW])
def test_a_batch_gives_what_its_frames_give_one_by_one(codec):
    rng = np.random.default_rng(1)
    pcm = rng.integers(-32768, 32768, (7, FRAME_SAMPLES)).astype(np.int16)
    codes = g711.encode_array(codec, pcm)
    assert codes.shape == (7, FRAME_SAMPLES)
    assert [row.tobytes() for row in codes] == [g711.encode(codec, row) for row in pcm]
    decoded = g711.decode(codec, codes)
    assert decoded.dtype == np.int16
    for row, code in zip(decoded, codes, strict=True):
        assert row.tolist() == g711.decode(codec, code.tobytes()).tolist()


def test_every_second_sample_of_a_buffer_can_be_encoded():
    stereo = np.arange(-160, 160, dtype=np.int16).reshape(160, 2) * 100
    left = stereo[:, 0]
    assert g711.encode(g711.ULAW, left) == g711.encode(g711.ULAW, left.copy())


@pytest.mark.parametrize("codec", [g711.ULAW, g711.ALAW])
def test_an_empty_payload_is_an_empty_frame(codec):
    assert g711.decode(codec, b"").shape == (0,)
    assert g711.encode(codec, np.zeros(0, np.int16)) == b""


def test_a_codec_that_is_not_g711_is_refused_by_name():
    with pytest.raises(KeyError, match="opus"):
        g711.decode("opus", b"\xff")
