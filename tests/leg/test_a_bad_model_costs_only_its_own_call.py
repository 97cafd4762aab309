"""Agents that misbehave, and a gateway that speaks nonsense, beside a call that must not notice."""

import asyncio
import contextlib

import numpy as np
import pytest
from aioquic.asyncio.server import serve
from aioquic.quic.connection import QuicConnection as AioQuic
from aioquic.quic.events import QuicEvent

from bridge.agent import TlsOptions
from bridge.gateway.agent import AgentCall
from bridge.gateway.certificate import self_signed
from bridge.gateway.events import Committed
from bridge.leg.interface import LegFailed, ReplyAudio, Transcript
from bridge.leg.quic import QuicConnection
from bridge.wire import audio, control, messages, transport
from tests.leg.network import AgentSpec, Phone, connection, place, run, silence, speech, talks


async def flooding(call: AgentCall) -> None:
    async for event in call:
        if isinstance(event, Committed):
            while await call.send(np.ones(48_000, np.int16), event.turn):
                pass


async def gossiping(call: AgentCall) -> None:
    while True:
        for _ in range(50):
            call.transcript("agent", "la " * 100, 0)
        await asyncio.sleep(0.001)


async def raising(call: AgentCall) -> None:
    async for event in call:
        if isinstance(event, Committed):
            raise RuntimeError("the model is gone")


async def leaving_mid_word(call: AgentCall) -> None:
    async for event in call:
        if isinstance(event, Committed):
            await call.send(np.ones(4800, np.int16), event.turn)
            await asyncio.sleep(0.05)
            return


async def stalling(call: AgentCall) -> None:
    await asyncio.Event().wait()


BAD = {
    "flooding": flooding,
    "gossiping": gossiping,
    "raising": raising,
    "leaving": leaving_mid_word,
    "stalling": stalling,
}


@pytest.mark.parametrize(
    ("agent", "code"),
    [
        ("flooding", "flood"),
        ("gossiping", "flood"),
        ("raising", "agent_failed"),
        ("leaving", "closed_early"),
    ],
)
def test_a_bad_agent_loses_its_call_and_another_call_goes_on(agent, code):
    async def story():
        async with place(BAD, pace=0) as where, connection(where) as line:
            good = await talks(line, where.agent())
            bad = await Phone(line, where.agent(agent)).opened()
            bad.call.answered()
            bad.call.commit(1, bad.say(speech(0.2)))
            assert (await bad.failed()).code == code
            good.call.commit(2, good.say(speech(0.5)))
            assert len(await good.reply_to(2)) > 0
            assert not any(isinstance(e, LegFailed) for e in good.events)
            async with asyncio.timeout(10):
                while len(where.gateway.sids) > 1:
                    await asyncio.sleep(0.01)

    run(story())


def test_an_agent_that_hears_nothing_keeps_a_bounded_number_of_events():
    async def story():
        seen: list[AgentCall] = []

        async def stuck(call: AgentCall) -> None:
            seen.append(call)
            await asyncio.Event().wait()

        async with place({"stuck": stuck}) as where, connection(where) as line:
            phone = await Phone(line, where.agent("stuck")).opened()
            for _ in range(16):
                phone.say(silence(1))
                await asyncio.sleep(0.5 if phone._seq > 400 else 0)
            async with asyncio.timeout(10):
                while not seen[0].dropped_events:
                    phone.say(silence(0.4))
                    await asyncio.sleep(0.2)
            assert len(seen[0]._unread) <= 1000
            assert not any(isinstance(e, LegFailed) for e in phone.events)

    run(story())


class NonsenseGateway(transport.WireProtocol):
    """Takes calls of `good` agents as a gateway does; does something else to the others."""

    def __init__(self, quic: AioQuic, stream_handler=None) -> None:
        super().__init__(quic)
        self._readers: dict[int, control.MessageReader] = {}

    def on_stream(self, stream_id: int, data: bytes, ended: bool, now: float) -> None:
        reader = self._readers.setdefault(stream_id, control.MessageReader())
        for body in reader.feed(data):
            match control.decode_from_plugin(body):
                case messages.Open(agent="good"):
                    self.send_stream(stream_id, control.encode(messages.Opened()), False)
                case messages.Open(agent=agent):
                    self.misbehave(agent, stream_id)
                case messages.Commit(turn=turn):
                    end = messages.ReplyEnd(turn=turn, frames=1)
                    number = stream_id // 4
                    self.queue_datagram(audio.encode_downlink(number, turn, 0, 0, bytes(960)))
                    self.send_stream(stream_id, control.encode(end), False)
        self.transmit_soon()

    def misbehave(self, how: str, stream_id: int) -> None:
        number = stream_id // 4
        match how:
            case "binary":
                self.send_stream(stream_id, bytes([0, 9]) + b"\xff" * 500, False)
            case "too-long":
                self.send_stream(stream_id, b"\xff\xff{", False)
            case "out-of-place":
                said = control.encode(messages.ReplyEnd(turn=1, frames=1))
                self.send_stream(stream_id, said, False)
            case "reset":
                self._quic.reset_stream(stream_id, 99)
            case "silent":
                pass
            case "own-streams":
                own = self._quic.get_next_available_stream_id(is_unidirectional=True)
                self._quic.send_stream_data(own, b"hello")
                own = self._quic.get_next_available_stream_id()
                self._quic.send_stream_data(own, b"hello")
                self.send_stream(stream_id, control.encode(messages.Opened()), False)
            case "datagrams":
                self.send_stream(stream_id, control.encode(messages.Opened()), False)
                good = audio.encode_downlink(number, 1, 0, 0, bytes(960))
                for n in range(300):
                    self.queue_datagram([b"", b"\x02", b"\xee" * 40, good[:17]][n % 4])
                    self.queue_datagram(audio.encode_uplink(n, 0, 0, bytes(2)))
                    self.queue_datagram(audio.encode_downlink(n + 70_000, 1, 0, 0, bytes(2)))
                    self.queue_datagram(audio.encode_downlink(number, n + 9, 0, 0, bytes(2)))

    def on_datagram(self, data: bytes, now: float) -> None:
        pass

    def on_stream_reset(self, stream_id: int, code: int, now: float) -> None:
        pass

    def on_stop_sending(self, stream_id: int, code: int, now: float) -> None:
        pass

    def on_other(self, event: QuicEvent) -> None:
        pass


@contextlib.asynccontextmanager
async def nonsense_gateway():
    made = self_signed("127.0.0.1")
    configuration = transport.configuration(is_client=False, packet_bytes=1200)
    configuration.certificate, configuration.private_key = made.certificate, made.key
    server = await serve(
        "127.0.0.1", 0, configuration=configuration, create_protocol=NonsenseGateway
    )
    endpoint = f"quic://127.0.0.1:{server._transport.get_extra_info('sockname')[1]}"
    line = QuicConnection(endpoint, TlsOptions(verify=False))
    yield line, AgentSpec(endpoint=endpoint, agent="good", open_timeout_secs=0.5)
    await line.close()
    server.close()


async def still_talks(phone: Phone, turn: int) -> None:
    phone.call.commit(turn, phone.say(speech(0.1)))
    await phone.reply_to(turn)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("binary", "malformed_message"),
        ("too-long", "message_too_large"),
        ("out-of-place", "protocol_violation"),
        ("reset", "closed_early"),
        ("silent", "open_timeout"),
    ],
)
def test_a_gateway_that_speaks_nonsense_on_one_call_loses_that_call(how, code):
    async def story():
        async with nonsense_gateway() as (line, agent):
            good = await Phone(line, agent).opened()
            bad = Phone(line, agent.model_copy(update={"agent": how}))
            assert (await bad.failed()).code == code
            await still_talks(good, 1)

    run(story())


@pytest.mark.parametrize("how", ["own-streams", "datagrams"])
def test_nonsense_beside_a_call_is_dropped_and_harms_none(how):
    async def story():
        async with nonsense_gateway() as (line, agent):
            good = await Phone(line, agent).opened()
            bad = await Phone(line, agent.model_copy(update={"agent": how})).opened()
            await still_talks(good, 1)
            await still_talks(bad, 1)
            kinds = {type(e) for e in [*good.events, *bad.events]}
            assert not kinds & {LegFailed, Transcript}
            assert sum(isinstance(e, ReplyAudio) for e in bad.events) == 1
            if how == "own-streams":
                assert line.stats.streams_refused == 2
            else:
                assert line.stats.datagrams_malformed == 600
                assert line.stats.datagrams_unknown == 300
                assert bad.call.stats.uncommitted + bad.call.stats.fenced == 300

    run(story())


def test_a_bridge_that_raises_on_an_event_harms_no_other_call():
    async def story():
        async with place(pace=0) as where, connection(where) as line:

            class Faulty(Phone):
                def _on_event(self, event) -> None:
                    super()._on_event(event)
                    raise RuntimeError("a fault of ours")

            faulty = await Faulty(line, where.agent()).opened()
            await talks(line, where.agent())
            faulty.call.commit(1, faulty.say(speech(0.2)))
            await faulty.reply_to(1)

    run(story())
