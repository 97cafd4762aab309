"""Takes a changed configuration file over while calls run: the whole of it, or nothing."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from bridge.secret import REVEAL
from sip_plugin.config import Config, ConfigError
from sip_plugin.config.changes import Changes, changes
from sip_plugin.service.sip_link import NotAsked

log = logging.getLogger(__name__)


class NotReloaded(Exception):
    """Nothing was changed; the text says why."""


class Taker(Protocol):
    """Hands a configuration to the SIP process."""

    async def reconfigure(self, document: str) -> None:
        """Raises NotAsked when it was not taken over."""


class Reloader:
    def __init__(
        self,
        config: Config,
        read: Callable[[], Config],
        sip: Taker,
        on_new: Callable[[Config, bytes], None],
    ) -> None:
        """`read` reads the file anew and raises ConfigError; `on_new` gets what was taken over,
        and the document for processes that start later.
        """
        self._config = config
        self._read = read
        self._sip = sip
        self._on_new = on_new
        self._one_at_a_time = asyncio.Lock()

    async def reload(self) -> Changes:
        """Calls that begin from now on have the file as it is. Raises NotReloaded."""
        async with self._one_at_a_time:
            try:
                found = await self._reload()
            except NotReloaded as error:
                log.error("configuration not reloaded, nothing changes: %s", error)
                raise
        told = "; ".join(found.live) or "nothing has changed"
        log.info("configuration reloaded: %s", told)
        return found

    async def _reload(self) -> Changes:
        try:
            new = await asyncio.to_thread(self._read)
        except ConfigError as error:
            raise NotReloaded(str(error)) from None
        found = changes(self._config, new)
        if found.restart:
            raise NotReloaded(f"only a restart can take over: {'; '.join(found.restart)}")
        if not found.live:
            return found
        document = new.model_dump_json(context=REVEAL, exclude_defaults=True)
        try:
            await self._sip.reconfigure(document)
        except NotAsked as error:
            raise NotReloaded(str(error)) from None
        self._config = new
        self._on_new(new, document.encode())
        return found
