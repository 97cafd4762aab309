"""The addresses behind a trunk's name."""

import asyncio
import socket
from functools import partial

from sip_plugin.config.address import is_ip_address, split_host_port


class Names:
    async def addresses(self, at: str, transport: str) -> list[str]:
        """Of `HOST` or `HOST:PORT`. Raises OSError when it has none."""
        host, _ = split_host_port(at, 0)
        if is_ip_address(host):
            return [host]
        resolve = partial(
            socket.getaddrinfo, host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM
        )
        found = await asyncio.get_running_loop().run_in_executor(None, resolve)
        return [entry[4][0] for entry in found]
