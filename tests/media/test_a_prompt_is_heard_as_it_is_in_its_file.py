"""Files of several kinds through the prompt core, without a clock."""

import struct
from pathlib import Path

import numpy as np
import pytest

from bridge.audio import g711
from sip_plugin.media.prompt import PAUSE_MS, Prompt, Sound, load
from sip_plugin.media.wavefile import NotPlayable, inspect
from tests.peers.waves import goertzel, level_dbfs


def sine(rate_hz: int, hz: float = 1000.0, secs: float = 0.5) -> np.ndarray:
    times = np.arange(round(secs * rate_hz)) / rate_hz
    return np.round(8000 * np.sin(2 * np.pi * hz * times)).astype(np.int16)


def wave_file(
    path: Path, payload: bytes, code: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16
) -> str:
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits)
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(head)) + head + odd
    body += b"data" + struct.pack("<I", len(payload)) + payload
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return str(path)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_any_rate_is_brought_to_that_of_the_phone(tmp_path: Path, rate: int):
    pcm = sine(rate)
    heard = load(wave_file(tmp_path / "p.wav", pcm.tobytes(), rate=rate)).narrow
    assert len(heard) == 4000
    assert goertzel(heard[400:3600], 1000.0) > 0.99
    assert abs(level_dbfs(heard[400:3600]) - level_dbfs(sine(8000)[400:3600])) < 0.1


def test_what_a_phone_cannot_carry_is_left_out(tmp_path: Path):
    pcm = sine(48_000, 1000) // 2 + sine(48_000, 7000) // 2
    heard = load(wave_file(tmp_path / "p.wav", pcm.tobytes(), rate=48_000)).narrow
    assert goertzel(heard[400:3600], 1000.0) > 0.99, "7 kHz would come back as another tone"


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_wideband_phone_is_given_both_bands(tmp_path: Path, rate: int):
    pcm = sine(rate, 1000) // 2 + sine(rate, 6000) // 2
    sound = load(wave_file(tmp_path / "p.wav", pcm.tobytes(), rate=rate))
    heard = np.concatenate(frames(Prompt(sound, times=1), 16_000))
    assert len(heard) == 8000
    for hz in (1000.0, 6000.0):
        assert abs(goertzel(heard[800:7200], hz, 16_000) - 0.5) < 0.01


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000])
def test_a_change_of_the_phones_rate_moves_nothing(tmp_path: Path, rate: int):
    sound = load(wave_file(tmp_path / "p.wav", sine(rate, 440).tobytes(), rate=rate))
    narrow, wide = Prompt(sound, 1), Prompt(sound, 1)
    for low, high in zip(frames(narrow, 8000), frames(wide, 16_000), strict=True):
        assert np.max(np.abs(high[:: len(high) // 160] - low)) < 300


def frames(prompt: Prompt, rate_hz: int) -> list[np.ndarray]:
    heard = []
    while not prompt.over:
        frame = prompt.pull(rate_hz)
        assert frame is not None
        heard.append(frame.pcm)
    return heard


def test_two_channels_are_mixed(tmp_path: Path):
    pcm = sine(8000)
    both = np.column_stack([pcm, np.zeros_like(pcm)]).astype("<i2")
    heard = load(wave_file(tmp_path / "p.wav", both.tobytes(), channels=2)).narrow
    assert np.max(np.abs(heard - pcm // 2)) <= 1


@pytest.mark.parametrize(("code", "codec"), [(6, "g711_alaw"), (7, "g711_ulaw")])
def test_g711_files_are_played_as_they_are(tmp_path: Path, code: int, codec: str):
    payload = g711.encode(codec, sine(8000))
    heard = load(wave_file(tmp_path / "p.wav", payload, code=code, bits=8)).narrow
    assert g711.encode(codec, heard) == payload


def test_it_is_played_so_many_times_with_a_pause_between():
    prompt = Prompt(Sound(sine(8000, secs=0.05)), times=2)
    heard = []
    while not prompt.over:
        heard.append(prompt.pull(8000))
    sounds = [frame is not None for frame in heard]
    assert sounds == [True] * 3 + [False] * (PAUSE_MS // 20) + [True] * 3
    assert [place for place, frame in enumerate(heard) if frame and frame.starts] == [0, 53]
    assert prompt.pull(8000) is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "without sound"),
        (b"RIFF\0\0\0\0WAVEdata\xff\xff\xff\x7f", "without sound"),
        (b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0ab", "damaged"),
        (b"ID3" + bytes(64), "not a WAV file"),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes, why: str):
    path = tmp_path / "p.wav"
    path.write_bytes(content)
    with pytest.raises(NotPlayable, match=why):
        inspect(str(path))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"code": 3, "bits": 32}, "PCM of 16 bits"),
        ({"bits": 8}, "PCM of 16 bits"),
        ({"channels": 6}, "6 channels"),
        ({"rate": 96_000}, "96000 Hz"),
        ({"rate": 0}, "0 Hz"),
    ],
)
def test_what_cannot_be_played_says_why(tmp_path: Path, fields: dict, why: str):
    with pytest.raises(NotPlayable, match=why):
        inspect(wave_file(tmp_path / "p.wav", bytes(32_000), **fields))


def test_two_minutes_are_the_most(tmp_path: Path):
    with pytest.raises(NotPlayable, match="lasts 121 s"):
        inspect(wave_file(tmp_path / "p.wav", bytes(8000 * 2 * 121)))


def test_only_files_are_read(tmp_path: Path):
    for path in (str(tmp_path), "/dev/zero", str(tmp_path / "none"), "a\0b"):
        with pytest.raises(NotPlayable):
            inspect(path)
