import asyncio
from typing import Any

from aioquic.asyncio import serve

from bridge.agent import AgentSpec, TlsOptions
from bridge.gateway.certificate import self_signed
from bridge.leg.quic import QuicConnection
from bridge.wire import control, messages, sockets
from tests.leg.network import Phone
from tests.leg.virtual import simulate
from tests.wire.raw_gateway import RawGateway

LEAVES_AFTER = 0.2
SECS = 10


class Leaver(RawGateway):
    """Takes a call the first time, and is gone soon after each handshake."""

    made = 0

    def __init__(self, quic: Any, stream_handler: Any = None) -> None:
        super().__init__(quic, stream_handler)
        Leaver.made += 1
        asyncio.get_running_loop().call_later(LEAVES_AFTER, self.close)

    def _on_message(self, sid: str, message: messages.FromPlugin) -> None:
        if isinstance(message, messages.Open) and message.again is None:
            opened = messages.Opened(resume="the token", resume_secs=SECS)
            self.writer(self._events[sid]).write([control.encode(opened)])


def test_calls_that_wait_for_it_do_not_make_it_shake_hands_without_end():
    async def story():
        Leaver.made = 0
        made = self_signed("127.0.0.1")
        configuration = sockets.configuration(is_client=False, packet_bytes=1200)
        configuration.certificate, configuration.private_key = made.certificate, made.key
        server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Leaver)
        endpoint = f"quic://127.0.0.1:{server._transport.get_extra_info('sockname')[1]}"
        line = QuicConnection(endpoint, TlsOptions(verify=False))
        phone = await Phone(line, AgentSpec(endpoint=endpoint, agent="good")).opened()
        assert (await phone.failed()).code == "connection_lost"
        assert 3 <= Leaver.made < SECS / LEAVES_AFTER / 2
        await line.close()
        server.close()

    simulate(story())
