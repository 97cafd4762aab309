"""A worker process: `python -m sip_plugin.media --run-dir DIR --name worker-0 < config.json`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

# A worker has one core: threads of numpy's would take each other's place, spinning. Read when
# numpy is loaded, so it stands before the imports.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import uvloop  # noqa: E402
from pydantic import ValidationError  # noqa: E402

from bridge.settle import settle  # noqa: E402
from sip_plugin.config import Config  # noqa: E402
from sip_plugin.media.worker import Worker  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="sip_plugin.media", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True, help="holds plane.sock")
    parser.add_argument("--name", required=True, help="of this worker, in logs and states")
    arguments = parser.parse_args()
    try:
        config = Config.model_validate_json(sys.stdin.buffer.read())
    except ValidationError as error:
        print(f"{arguments.name}: configuration refused: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(
        level=config.service.log_level.upper(), format="%(levelname)s %(name)s: %(message)s"
    )
    uvloop.run(serve(config, arguments.name, arguments.run_dir))
    return 0


async def serve(config: Config, name: str, run_dir: Path) -> None:
    """Work until SIGTERM. SIGINT is left to the supervisor, which a terminal also reaches."""
    worker = Worker(config, name)
    settle()
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(worker.run(str(run_dir / "plane.sock")))
    loop.add_signal_handler(signal.SIGTERM, running.cancel)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    try:
        await running
    except asyncio.CancelledError:
        await worker.close()


if __name__ == "__main__":
    sys.exit(main())
