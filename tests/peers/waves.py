"""8 kHz WAV files, and what can be heard in them."""

import wave
from pathlib import Path

import numpy as np

RATE_HZ = 8000


def read_wav(path: Path, rate_hz: int = RATE_HZ) -> np.ndarray:
    """int16 samples; shape (n,), or (n, 2) for stereo. Takes a file that still grows."""
    with wave.open(str(path), "rb") as wav:
        if wav.getframerate() != rate_hz or wav.getsampwidth() != 2:
            raise ValueError(
                f"{path}: {wav.getframerate()} Hz, {8 * wav.getsampwidth()} bit; "
                f"want {rate_hz} Hz, 16 bit"
            )
        channels = wav.getnchannels()
        # The length in the header of a file that is being written is not yet true.
        wav.rewind()
        payload = wav.readframes(wav.getnframes())
    pcm = np.frombuffer(payload, "<i2")
    return pcm if channels == 1 else pcm.reshape(-1, channels)


def write_wav(path: Path, pcm: np.ndarray, rate_hz: int = RATE_HZ) -> None:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        wav.setsampwidth(2)
        wav.setframerate(rate_hz)
        wav.writeframes(np.ascontiguousarray(pcm, "<i2").tobytes())


def tone(hz: float, secs: float, level_dbfs: float = -12.0) -> np.ndarray:
    """A sine, int16; 0 dBFS is a full-scale sine."""
    times = np.arange(round(secs * RATE_HZ)) / RATE_HZ
    peak = 32767 * 10 ** (level_dbfs / 20)
    return np.round(peak * np.sin(2 * np.pi * hz * times)).astype(np.int16)


def level_dbfs(pcm: np.ndarray) -> float:
    """RMS level; 0 is a full-scale sine, -120 the floor."""
    if not len(pcm):
        return -120.0
    rms = float(np.sqrt(np.mean(np.square(pcm.astype(np.float64)))))
    return max(-120.0, 20 * np.log10(max(rms, 1e-9) * np.sqrt(2) / 32767))


def goertzel(pcm: np.ndarray, hz: float, rate_hz: int = RATE_HZ) -> float:
    """Share of the energy that is a tone of `hz`, 0 to 1."""
    samples = pcm.astype(np.float64)
    energy = float(np.dot(samples, samples))
    if energy == 0.0:
        return 0.0
    turns = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate_hz)
    return float(2 * abs(np.dot(samples, turns)) ** 2 / (len(samples) * energy))


def find(needle: np.ndarray, hay: np.ndarray) -> tuple[int, float]:
    """Where `needle` sounds in `hay`: (sample offset, correlation 0 to 1).

    The correlation is normalised by the energy of the matched stretch, so that a level
    change does not count and other sound does. (0, 0.0) when `hay` is shorter.
    """
    if len(hay) < len(needle) or not len(needle):
        return 0, 0.0
    short = needle.astype(np.float64)
    long = hay.astype(np.float64)
    size = 1 << (len(short) + len(long) - 1).bit_length()
    products = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
    places = len(long) - len(short) + 1
    running = np.concatenate(([0.0], np.cumsum(long**2)))
    energies = running[len(short) :] - running[: -len(short)]
    # A stretch of near silence has no shape to match.
    floor = max(1.0, 0.01 * float(energies.max()))
    scores = products[:places] / np.sqrt(np.maximum(energies, floor) * float(np.dot(short, short)))
    best = int(np.argmax(scores))
    return best, float(scores[best])


def loud_stretches(
    pcm: np.ndarray, threshold_dbfs: float = -45.0, gap_ms: int = 300
) -> list[tuple[int, int]]:
    """(start ms, end ms) of the stretches louder than the threshold; shorter gaps are bridged."""
    frame = RATE_HZ // 50
    stretches: list[tuple[int, int]] = []
    for index in range(len(pcm) // frame):
        if level_dbfs(pcm[index * frame : (index + 1) * frame]) < threshold_dbfs:
            continue
        start, end = index * 20, (index + 1) * 20
        if stretches and start - stretches[-1][1] <= gap_ms:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return stretches
