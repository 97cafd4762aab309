import json
import struct

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio import g711
from sip_plugin.replay import wav
from sip_plugin.replay.wav import WavError
from tests.replay.calls import replay, speech, track, write

TONE = (8000 * np.sin(np.arange(8000) * 0.5)).astype(np.int16)


def events(*arguments) -> list[tuple[str, float]]:
    done = replay(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return [(e["event"], e["at_ms"]) for e in map(json.loads, done.stdout.splitlines())]


def riff(tag: int, bits: int, body: bytes, rate: int = 8000, size: int | None = None) -> bytes:
    form = struct.pack("<HHIIHH", tag, 1, rate, rate * bits // 8, bits // 8, bits)
    size = len(body) if size is None else size
    return b"".join(
        [
            *(b"RIFF", struct.pack("<I", 36 + len(body)), b"WAVE"),
            *(b"LIST", struct.pack("<I", 3), b"abc\0"),  # of odd length, padded
            *(b"fmt ", struct.pack("<I", 16), form, b"data", struct.pack("<I", size), body),
        ]
    )


def test_one_stereo_file_is_the_same_as_two_mono_ones(tmp_path):
    caller = track(14, (0.5, "turn_1"), (8.0, "barge_in"))
    agent = track(14, (3.5, "turn_4"), (7.0, "turn_5"))
    mono = [write(tmp_path / name, pcm) for name, pcm in (("c.wav", caller), ("a.wav", agent))]
    stereo = write(tmp_path / "both.wav", caller, agent)
    assert events(stereo) == events(mono[0], "--agent", mono[1])
    assert any(name == "cancel" for name, _ in events(stereo, "--profile", "aec"))


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_other_rates_are_resampled(tmp_path, rate):
    tracks = [
        track(14, (0.5, "turn_1"), (8.0, "barge_in")),
        track(14, (3.5, "turn_4"), (7, "turn_5")),
    ]
    usual = events(write(tmp_path / "8k.wav", *tracks))
    other = [soxr.resample(pcm.astype(np.float32), 8000, rate).round() for pcm in tracks]
    told = events(write(tmp_path / "other.wav", *other, rate=rate))
    assert [name for name, _ in told] == [name for name, _ in usual]
    for (_, at), (_, usual_at) in zip(told, usual, strict=True):
        assert abs(at - usual_at) <= 40


def test_silence_stays_silence_when_it_is_resampled(tmp_path):
    quiet = np.concatenate([TONE, np.zeros(16_000, np.int16), TONE])
    (read,) = wav.read(write(tmp_path / "a.wav", quiet, rate=16_000))
    assert not read[4200:11_800].any()


def test_every_sample_format_reads_the_same(tmp_path):
    wide = TONE.astype(np.int32)
    of_24_bits = (wide * 256).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    files = {
        "8": (riff(1, 8, (wide // 256 + 128).astype(np.uint8).tobytes()), 256),
        "24": (riff(1, 24, of_24_bits), 1),
        "32": (riff(1, 32, (wide * 65536).astype("<i4").tobytes()), 1),
        "float": (riff(3, 32, (wide / 32768).astype("<f4").tobytes()), 1),
        "ulaw": (riff(7, 8, g711.encode(g711.ULAW, TONE)), 260),
        "alaw": (riff(6, 8, g711.encode(g711.ALAW, TONE)), 260),
    }
    for name, (data, tolerance) in files.items():
        path = tmp_path / f"{name}.wav"
        path.write_bytes(data)
        (read,) = wav.read(path)
        assert np.abs(read.astype(int) - TONE).max() <= tolerance, name


def test_a_float_file_may_hold_what_is_no_sample(tmp_path):
    path = tmp_path / "a.wav"
    values = np.array([np.nan, np.inf, -np.inf, 1e300, 0.5, -0.5, 0.0, 0.0])
    path.write_bytes(riff(3, 64, values.tobytes()))
    assert wav.read(path)[0].tolist() == [0, 32767, -32768, 32767, 16384, -16384, 0, 0]
    path.write_bytes(riff(3, 64, np.tile(values, 100).tobytes(), rate=16_000))
    assert len(wav.read(path)[0]) == 400


def test_an_alaw_track_can_be_silent(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(6, 8, g711.encode(g711.ALAW, np.zeros(800, np.int16))))
    assert not wav.read(path)[0].any()


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_header_that_was_never_completed_reads_to_the_end(tmp_path, size):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(1, 16, TONE.tobytes(), size=size))
    assert np.array_equal(wav.read(path)[0], TONE)


def test_what_is_no_recording_is_refused_with_a_reason(tmp_path):
    said = write(tmp_path / "c.wav", speech("turn_1"))
    stereo = write(tmp_path / "s.wav", speech("turn_1"), speech("turn_1"))
    text = tmp_path / "t.wav"
    text.write_text("no sound")
    for arguments, words in (
        ([tmp_path / "none.wav"], "none.wav cannot be read: No such file"),
        ([text], "t.wav is not a WAV file; convert it"),
        ([stereo, "--agent", said], "its right channel is the agent"),
        ([said, "--agent", stereo], "s.wav is stereo"),
        ([said, "--agent", tmp_path / "none.wav"], "none.wav cannot be read"),
    ):
        done = replay(*arguments, "--json")
        assert (done.exit_code, done.stdout) == (2, "")
        assert words in done.stderr


@given(st.binary(max_size=200), st.integers(0, 60))
def test_a_broken_file_gives_nothing_but_an_error(tmp_path_factory, junk, at):
    whole = bytearray(riff(1, 16, TONE[:100].tobytes()))
    whole[at : at + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / "broken.wav"
    path.write_bytes(whole)
    try:
        channels = wav.read(path)
    except WavError as error:
        assert "broken.wav" in str(error)
    else:
        assert all(channel.dtype == np.int16 for channel in channels)
