"""Speech to text by pocketsphinx, in this process, without a network.

A turn is recognised as a whole each time it is asked for: with its mean taken off (cepstral mean
normalisation over all of it), the first words of a call are recognised as well as the last, and
it takes some 4 % of the turn's length.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from bridge.backends.cascade.interface import Pcm, StageFailed
from bridge.backends.cascade.options import AsrOptions
from bridge.backends.cascade.rules import DIGITS, SLOT, normalised
from bridge.backends.options import Unusable

MISSING = "pocketsphinx is not here: pip install 'clutchcall-sip-plugin[assistant]'"
SEARCH = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80, "bestpath": False}
"""Wider beams than the usual ones, which lose a whole sentence now and then."""
MAX_SECS = 20
"""Of a longer turn the end is recognised."""
THREADS = 2
"""Recognitions at a time, each with a decoder; others wait."""


class Pocketsphinx:
    rate_hz = 16_000

    def __init__(self, options: AsrOptions, phrases: tuple[str, ...] = ()) -> None:
        """`phrases` of the rules. Raises Unusable when it is not installed, or does not know a
        word."""
        try:
            import pocketsphinx
        except ImportError:
            raise Unusable("asr", MISSING) from None
        self._make = pocketsphinx.Decoder
        self._grammar = grammar((*options.phrases, *phrases))
        plain = self._make(loglevel="FATAL", lm=None)
        for key, said in (("asr.phrases", options.phrases), ("llm.rules", phrases)):
            _check(plain, key, said)
        self._idle = [self._decoder()]
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="asr")

    async def ready(self) -> None:
        """Always."""

    def recognition(self) -> "_Turn":
        return _Turn(self)

    async def recognise(self, pcm: bytes) -> str:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self.understand, pcm)

    def understand(self, pcm: bytes) -> str:
        """The words of a whole turn, PCM16 little-endian at `rate_hz`. Blocks."""
        try:
            decoder = self._idle.pop()
        except IndexError:
            decoder = self._decoder()
        try:
            decoder.start_utt()
            decoder.process_raw(pcm, False, True)
            decoder.end_utt()
            found = decoder.hyp()
        except RuntimeError as error:
            raise StageFailed("backend_error", f"pocketsphinx: {error}") from None
        self._idle.append(decoder)
        return found.hypstr if found is not None else ""

    def _decoder(self) -> Any:
        options = {"lm": None} if self._grammar else {}
        decoder = self._make(
            samprate=self.rate_hz, cmn="batch", loglevel="FATAL", **SEARCH, **options
        )
        if self._grammar:
            decoder.add_jsgf_string("phrases", self._grammar)
            decoder.activate_search("phrases")
        return decoder


class _Turn:
    def __init__(self, engine: Pocketsphinx) -> None:
        self._engine = engine
        self._heard = bytearray()

    def hear(self, pcm: Pcm) -> None:
        self._heard += pcm.astype("<i2", copy=False).tobytes()
        del self._heard[: -MAX_SECS * self._engine.rate_hz * 2]

    async def text(self) -> str:
        pcm = np.frombuffer(bytes(self._heard), "<i2")
        return await self._engine.recognise(pcm.tobytes()) if len(pcm) else ""

    def close(self) -> None:
        self._heard.clear()


def grammar(phrases: tuple[str, ...]) -> str:
    """The phrases in JSGF; empty for none. Pauses may be anywhere."""
    if not phrases:
        return ""
    ways = " | ".join(sorted({" ".join(_words(phrase)) for phrase in phrases}))
    digit = " | ".join(DIGITS)
    return (
        "#JSGF V1.0;\ngrammar phrases;\n"
        f"<digit> = {digit};\n<digits> = <digit>+;\npublic <said> = {ways};\n"
    )


def _words(phrase: str) -> list[str]:
    before, slot, after = phrase.partition(SLOT)
    return [*normalised(before).split(), *([SLOT] if slot else []), *normalised(after).split()]


def _check(decoder: Any, key: str, phrases: tuple[str, ...]) -> None:
    """Whether it knows how the words are said. Raises Unusable."""
    words = {word for phrase in phrases for word in _words(phrase) if word != SLOT}
    unknown = sorted(word for word in words if decoder.lookup_word(word) is None)
    if unknown:
        raise Unusable(
            key,
            f"pocketsphinx does not know how to say: {', '.join(unknown[:10])}; "
            "spell it as English words",
        )
