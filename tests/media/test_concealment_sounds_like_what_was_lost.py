"""A lost frame of a vowel is filled with more of it, and nothing clicks."""

import numpy as np

from sip_plugin.media.concealment import Concealer, pitch_of

PITCH = 67  # samples: 119 Hz


def vowel(frames: int) -> np.ndarray:
    """A periodic signal with harmonics, int16[frames, 160]."""
    t = np.arange(frames * 160)
    tone = sum(np.sin(2 * np.pi * k * t / PITCH + k) / k for k in range(1, 12))
    return (tone * 4000).astype(np.int16).reshape(frames, 160)


def test_the_pitch_of_a_vowel_is_found():
    assert pitch_of(vowel(2).reshape(-1).astype(np.float32)) == PITCH


def test_the_made_up_frame_follows_the_vowel():
    frames = vowel(12)
    concealer = Concealer()
    for frame in frames[:10]:
        concealer.good(frame)
    made_up, audible = concealer.conceal()
    assert audible
    first_half = slice(0, 80)
    error = made_up[first_half].astype(float) - frames[10][first_half]
    assert np.std(error) < 0.25 * np.std(frames[10][first_half])


def test_no_click_at_either_end_of_a_loss():
    frames = vowel(20)
    steepest = np.abs(np.diff(frames.reshape(-1).astype(int))).max()
    for lost in (1, 2, 3, 5):
        concealer = Concealer()
        out = [concealer.good(frame) for frame in frames[:10]]
        out += [concealer.conceal()[0] for _ in range(lost)]
        out += [concealer.good(frame) for frame in frames[10 + lost :]]
        steps = np.abs(np.diff(np.concatenate(out).astype(int)))
        assert steps.max() < 1.3 * steepest, f"{lost} frames lost"


def test_a_pause_that_begins_mid_word_fades_within_5_ms():
    frames = vowel(10)
    concealer = Concealer()
    out = [concealer.good(frame) for frame in frames]
    out += [concealer.silence(), concealer.silence()]
    assert not out[-2][40:].any()
    assert not out[-1].any()
    steepest = np.abs(np.diff(frames.reshape(-1).astype(int))).max()
    assert np.abs(np.diff(np.concatenate(out).astype(int))).max() < 1.3 * steepest
