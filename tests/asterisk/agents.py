"""A gateway whose agent notes what it is told of each call, parrots the first turn and transfers.

    python -m tests.asterisk.agents PORT CA_FILE NOTES TARGET

`TARGET` is where the caller goes after the first turn; empty: nowhere.
"""

import asyncio
import json
import sys

import numpy as np

from bridge import AgentCall, CallerAudio, Committed, Gateway, GatewayOptions


async def main(port: int, ca_file: str, notes: str, target: str) -> None:
    async def transferring(call: AgentCall) -> None:
        with open(notes, "a") as file:
            told = {"called": call.info.called, "caller": call.info.caller, **call.info.headers}
            print(json.dumps(told), file=file, flush=True)
        heard: list[np.ndarray] = []
        async for event in call:
            match event:
                case CallerAudio():
                    heard.append(event.samples)
                case Committed(turn=turn):
                    await call.send(np.concatenate(heard[-200:]), turn)
                    await call.end(turn)
                    heard = []
                    if target:
                        call.transfer(target)

    options = GatewayOptions(port=port, ca_out=ca_file)
    async with Gateway(options, agents={"parrot": transferring}):
        print("listening", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:5]))
