"""aiomoqt's relay, that says GOAWAY to all sessions on SIGUSR2: relay.py URI TIMEOUT-MS OPTIONS…

An empty URI names none.
"""

import asyncio
import gc
import signal
import sys

from aiomoqt.protocol import _MOQTSessionMixin as Session
from aiomoqt.tools import moq_interop_relay

uri, timeout = sys.argv[1], int(sys.argv[2])
del sys.argv[1:3]


def go_away():
    for session in [o for o in gc.get_objects() if isinstance(o, Session)]:
        if getattr(session, "negotiated_draft", None):
            session.goaway(uri, timeout)
    print("said goaway", flush=True)


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, go_away)
    await moq_interop_relay.main()


asyncio.run(main())
