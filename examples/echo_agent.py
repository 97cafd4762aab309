"""An agent of your own: it says each turn back.

Run it, then point an agent of the plugin at it: the lines that it prints are for its table.
"""

import asyncio

import numpy as np

from bridge import AgentCall, CallerAudio, Cancelled, Committed, Gateway, GatewayOptions, Primed


async def echo(call: AgentCall) -> None:
    heard: list[np.ndarray] = []
    async for event in call:
        match event:
            case CallerAudio():
                heard.append(event.samples)
            case Primed():
                heard = heard[-125:]  # the turn has begun within the last 2.5 s
            case Committed(turn=turn):
                await call.send(np.concatenate(heard), turn)
                await call.end(turn)
                heard = []
            case Cancelled():
                heard = []


async def main() -> None:
    options = GatewayOptions(port=4433, ca_out="gateway.pem")
    async with Gateway(options, agents={"echo": echo}) as gateway:
        print(f'endpoint = "{gateway.endpoint}"\nagent = "echo"\ninput_rate_hz = 24000')
        print('tls = { ca_file = "gateway.pem" }', flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
