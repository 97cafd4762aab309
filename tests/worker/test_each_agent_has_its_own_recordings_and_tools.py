"""What an agent's table says of recordings and tools, in a real worker with a real gateway."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from benchmarks.worker_host import WorkerHost
from bridge.agent import AgentSpec, TlsOptions
from bridge.gateway.agent import AgentCall
from bridge.gateway.server import Gateway, GatewayOptions
from sip_plugin.planes.messages import CallEvent, EndCall, HoldCall, TransferCall
from tests.worker.line import Line, until


async def busybody(call: AgentCall) -> None:
    """Asks for everything at once, and hums."""
    call.send_dtmf("1")
    call.hold()
    call.transfer("1001")
    call.hangup("done")
    tone = np.full(call.info.output_rate_hz // 50, 9000, np.int16)
    async for _ in call:
        await call.send(tone, 0)


@pytest.mark.parametrize(
    ("tools", "refused"),
    [
        ((), {"hangup", "transfer", "send_dtmf", "hold"}),
        (("hangup",), {"transfer", "send_dtmf", "hold"}),
        (("hangup", "transfer", "send_dtmf", "hold"), set()),
    ],
)
def test_what_is_not_among_its_tools_is_refused_and_told(tmp_path: Path, tools, refused):
    async def story() -> None:
        ca_file = str(tmp_path / "ca.pem")
        options = GatewayOptions(port=0, ca_out=ca_file)
        async with Gateway(options, agents={"tested": busybody}) as gateway:
            spec = AgentSpec(
                endpoint=gateway.endpoint,
                agent="tested",
                tls=TlsOptions(ca_file=ca_file),
                tools=tools,
                record_dir=str(tmp_path / "records"),
            )
            async with WorkerHost(spec) as host:
                line = Line()
                line.phone.remote_port = await host.open("one", line.phone.port)
                talking = asyncio.create_task(line.talk(30))

                def told() -> set[str]:
                    events = [m for m in host.told if isinstance(m, CallEvent)]
                    return {m.data["tool"] for m in events if m.event == "tool_refused"}

                await until(lambda: told() == refused, "every refusal to be told")
                asked = lambda kind: any(isinstance(m, kind) for m in host.told)  # noqa: E731
                if "hangup" in tools:
                    await until(lambda: asked(EndCall), "the call to be ended")
                if not tools:
                    await until(lambda: line.loud > 10, "the call to go on")
                    assert not any(map(asked, (EndCall, TransferCall, HoldCall)))
                talking.cancel()
                await host.close("one")

    asyncio.run(asyncio.wait_for(story(), 60))
    if not tools:
        with wave.open(str(tmp_path / "records" / "one.wav")) as file:
            assert (file.getnchannels(), file.getframerate()) == (2, 8000)
