"""Digits, ringback, busy tone, hum, hold music and noise open no turn (through the real path)."""

import numpy as np
import pytest

from bridge.audio.frames import PHONE_RATE_HZ
from bridge.turn.events import Commit, Prime
from tests.uplink.line import hear, noise

SECS = 8.0
TIME = np.arange(round(SECS * PHONE_RATE_HZ)) / PHONE_RATE_HZ
FULL = 32768 * np.sqrt(2)


def tone(dbfs: float, *hertz: float) -> np.ndarray:
    """Sines that have this level together."""
    each = FULL * 10 ** (dbfs / 20) / np.sqrt(len(hertz))
    return sum(each * np.sin(2 * np.pi * f * TIME) for f in hertz)


def cadence(signal: np.ndarray, on_secs: float, off_secs: float) -> np.ndarray:
    return signal * (TIME % (on_secs + off_secs) < on_secs)


def digits() -> np.ndarray:
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477)
    pressed = [tone(-10.0, row, column) for row in rows for column in columns]
    slot = (TIME // 0.25).astype(int) % len(pressed)
    return np.choose(slot, pressed) * (TIME % 0.25 < 0.12)


def hum() -> np.ndarray:
    return sum(tone(-26.0 - 3 * k, 50.0 * k) for k in range(1, 8))


def hold_music() -> np.ndarray:
    """A tune of plucked chords over a bass, on the beat."""
    notes = (262, 330, 392, 523, 440, 349, 294, 247)
    beat = 0.25
    within = TIME % beat
    pitch = np.take(notes, (TIME // beat).astype(int) % len(notes))
    phase = np.cumsum(pitch) / PHONE_RATE_HZ
    pluck = sum(np.sin(2 * np.pi * k * phase) / k for k in (1, 2, 3, 4)) * np.exp(-within * 6)
    bass = np.sin(2 * np.pi * np.cumsum(pitch / 4) / PHONE_RATE_HZ)
    return 3000 * pluck + 2000 * bass


SIGNALS = {
    "digits": digits(),
    "ringback of Europe": cadence(tone(-15.0, 425), 1.0, 4.0),
    "ringback of North America": cadence(tone(-15.0, 440, 480), 2.0, 4.0),
    "busy of Europe": cadence(tone(-15.0, 425), 0.48, 0.48),
    "busy of North America": cadence(tone(-15.0, 480, 620), 0.5, 0.5),
    "congestion": cadence(tone(-15.0, 480, 620), 0.25, 0.25),
    "a fax that calls": cadence(tone(-12.0, 1100), 0.5, 3.0),
    "hum of the mains": hum(),
    "hold music": hold_music(),
    "loud noise": noise(SECS, -30.0),
    "noise": noise(SECS, -42.0),
    "an offset": np.full(len(TIME), 8000.0),
    "nothing": np.zeros(len(TIME)),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_opens_no_turn(name):
    line_noise = noise(SECS, -62.0, seed=2) if name != "nothing" else 0.0
    events = hear(SIGNALS[name] + line_noise).events
    assert not [event for event in events if isinstance(event, Prime | Commit)]


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_over_the_agent_does_not_stop_it(name):
    agent = np.zeros(len(TIME))
    agent[PHONE_RATE_HZ:] = noise(SECS - 1.0, -30.0, seed=3)
    assert hear(SIGNALS[name], agent).cancels == []
