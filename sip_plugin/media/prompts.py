"""The prompts of a worker: read on a thread when first played, kept while they do not change."""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor

from sip_plugin.media.prompt import Sound, load
from sip_plugin.media.wavefile import NotPlayable

MAX_KEPT_SAMPLES = 8000 * 600
"""Ten minutes in all, some 10 MB, or a third of that of files that have both bands; what was
played longest ago is read anew."""

log = logging.getLogger(__name__)

_Version = tuple[int, int, int]


class Prompts:
    def __init__(self, disk: Executor) -> None:
        self._disk = disk
        self._kept: OrderedDict[str, tuple[_Version, Sound]] = OrderedDict()
        self._reading: set[asyncio.Task[None]] = set()

    def fetch(self, path: str, done: Callable[[Sound | NotPlayable], None]) -> None:
        """`done` is called on the loop's thread, later, with the sound or the reason why not."""
        task = asyncio.get_running_loop().create_task(self._fetch(path, done))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _fetch(self, path: str, done: Callable[[Sound | NotPlayable], None]) -> None:
        loop = asyncio.get_running_loop()
        try:
            known = self._kept.get(path)
            version, sound = await loop.run_in_executor(self._disk, _read, path, known)
        except NotPlayable as error:
            done(error)
            return
        except Exception:
            log.exception("prompt %s", path)
            done(NotPlayable("cannot be played: internal error"))
            return
        self._kept[path] = (version, sound)
        self._kept.move_to_end(path)
        while len(self._kept) > 1 and self._samples() > MAX_KEPT_SAMPLES:
            self._kept.popitem(last=False)
        done(sound)

    def _samples(self) -> int:
        return sum(sound.samples for _, sound in self._kept.values())


def _read(path: str, known: tuple[_Version, Sound] | None) -> tuple[_Version, Sound]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise NotPlayable(f"cannot be read: {error.strerror}") from None
    version = (status.st_mtime_ns, status.st_size, status.st_ino)
    if known is not None and known[0] == version:
        return known
    return version, load(path)
