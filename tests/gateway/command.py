"""`sip-plugin gateway` as a process."""

import asyncio
import os
import sys


async def started(*options: str, **env: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from sip_plugin.cli import main; main()", "gateway", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | env,
    )
