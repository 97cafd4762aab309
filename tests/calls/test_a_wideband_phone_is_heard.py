"""G.722 as Asterisk speaks it: negotiated, heard in both directions and both halves of its band."""

import numpy as np
import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent
from tests.peers.waves import find, level_dbfs, write_wav

pytestmark = pytest.mark.peer("asterisk")

WIDE_HZ = 16_000
LOWEST_HZ, HIGHEST_HZ = 4200, 6800


@pytest.fixture
def called(plugin, asterisk, model):
    account = {
        "domain": asterisk.address,
        "sip_username": "1002",
        "sip_password": PASSWORD,
        "codec_preferences": ["g722", "g711_ulaw"],
    }
    return plugin(
        trunks={"main": account},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot"}},
    )


def wide(pcm: np.ndarray) -> np.ndarray:
    """8 kHz speech at 16 kHz, with the mirror of itself above 4 kHz, as sampled sound has."""
    stuffed = np.zeros(2 * len(pcm))
    stuffed[::2] = 2.0 * pcm
    spectrum = np.fft.rfft(stuffed)
    spectrum[np.fft.rfftfreq(len(stuffed), 1 / WIDE_HZ) > 7000] = 0.0
    return np.clip(np.fft.irfft(spectrum, len(stuffed)), -32768, 32767).astype(np.int16)


def upper_band(pcm: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    hz = np.fft.rfftfreq(len(pcm), 1 / WIDE_HZ)
    spectrum[(hz < LOWEST_HZ) | (hz > HIGHEST_HZ)] = 0.0
    return np.fft.irfft(spectrum, len(pcm))


def assert_upper_band_heard(said: np.ndarray, heard: np.ndarray, after_ms: float = 0.0) -> float:
    """Assert that what is above 4 kHz sounds too, as loud; returns when, in ms."""
    shape, voice = upper_band(said), upper_band(heard)[round(after_ms * WIDE_HZ / 1000) :]
    at, likeness = find(shape, voice)
    assert likeness > 0.8, f"above 4 kHz {likeness:.2f} alike"
    change = level_dbfs(voice[at : at + len(shape)]) - level_dbfs(shape)
    assert abs(change) < 2, f"above 4 kHz {change:+.1f} dB"
    return after_ms + at * 1000 / WIDE_HZ


def test_both_sides_of_a_wideband_call(called, asterisk):
    said = speech.load("turn_1")
    asterisk.add_prompt("turn", said)

    placed = asterisk.originate("1002", prompt="turn", listen_secs=4)
    call = called.wait_ended(called.wait_call("completed", timeout_secs=20)["sid"])

    started = [e for e in called.events(call["sid"]) if e["event"] == "media_started"]
    assert started[0]["data"]["codec"] == "g722"
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)
    asterisk.wait_no_channels()


def test_the_agents_voice_has_both_halves_of_the_band(called, asterisk):
    said = wide(speech.load("turn_1"))
    asterisk.add_prompt("wide", said, WIDE_HZ)

    placed = asterisk.originate("1002", prompt="wide", listen_secs=4, rate_hz=WIDE_HZ)
    called.wait_ended(called.wait_call("completed", timeout_secs=20)["sid"])

    spoken_ms = assert_upper_band_heard(said, placed.recording("tx")) + len(said) / 16
    assert_upper_band_heard(said, placed.recording("rx"), after_ms=spoken_ms)
    asterisk.wait_no_channels()


def test_a_prompt_has_both_halves_of_the_band(plugin, asterisk, tmp_path):
    said = wide(speech.load("turn_1"))
    write_wav(tmp_path / "closed.wav", said, WIDE_HZ)
    account = {
        "domain": asterisk.address,
        "sip_username": "1002",
        "sip_password": PASSWORD,
        "codec_preferences": ["g722"],
    }
    closed = plugin(
        trunks={"main": account},
        agents={},
        dialplan={"default": {"prompt": str(tmp_path / "closed.wav")}},
    )

    placed = asterisk.originate("1002", listen_secs=8, rate_hz=WIDE_HZ)
    call = closed.wait_ended(closed.wait_call("completed", timeout_secs=20)["sid"])

    assert call["cause"] == "prompt_ended"
    # The recording is as long as the prompt, and the codec's delay moves the last of it out.
    assert_upper_band_heard(said[: -WIDE_HZ // 10], placed.recording("rx"))
    asterisk.wait_no_channels()
