"""The SIP process: `python -m sip_plugin.sip --run-dir DIR --name sip < config.json`."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from sip_plugin.config import Config
from sip_plugin.sip.errors import StackError
from sip_plugin.sip.process import SipProcess


def main() -> int:
    parser = argparse.ArgumentParser(prog="sip_plugin.sip", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True, help="holds plane.sock")
    parser.add_argument("--name", required=True, help="of this process, in logs")
    arguments = parser.parse_args()
    try:
        config = Config.model_validate_json(sys.stdin.buffer.read())
    except ValidationError as error:
        print(f"{arguments.name}: configuration refused: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(
        level=config.service.log_level.upper(), format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        asyncio.run(serve(config, arguments.run_dir))
    except (StackError, OSError) as error:
        print(f"{arguments.name}: {error}", file=sys.stderr)
        return 1
    return 0


async def serve(config: Config, run_dir: Path) -> None:
    """Work until SIGTERM. SIGINT is left to the supervisor, which a terminal also reaches."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    await SipProcess(config, run_dir).run(stop)


if __name__ == "__main__":
    sys.exit(main())
