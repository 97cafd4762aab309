"""Where one sound is in another."""

import numpy as np


def best_match(heard, said):
    """Highest normalised cross-correlation, and its place in `heard` (samples)."""
    heard, said = heard.astype(float), said.astype(float)
    products = np.correlate(heard, said, mode="valid")
    energy = np.convolve(heard**2, np.ones(len(said)), mode="valid")
    match = products / np.sqrt(energy * np.sum(said**2) + 1)
    return match.max(), int(match.argmax())
