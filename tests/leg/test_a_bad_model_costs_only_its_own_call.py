"""Agents that misbehave, and a gateway that speaks nonsense, beside a call that must not notice."""

import asyncio
import contextlib

import numpy as np
import pytest
from aioquic.asyncio.server import serve

from bridge.agent import TlsOptions
from bridge.gateway.agent import AgentCall
from bridge.gateway.certificate import self_signed
from bridge.gateway.events import Committed
from bridge.leg.interface import LegFailed, ReplyAudio, Transcript
from bridge.leg.quic import QuicConnection
from bridge.moqt import objects
from bridge.wire import audio, control, messages, sockets
from bridge.wire.audio import AudioWriter
from bridge.wire.limits import MAX_MESSAGE
from bridge.wire.tracks import track
from tests.leg.network import AgentSpec, Phone, connection, place, silence, speech, talks
from tests.leg.virtual import simulate
from tests.wire.raw_gateway import RawGateway


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
    "gossiping": gossiping,
    "raising": raising,
    "leaving": leaving_mid_word,
    "stalling": stalling,
}


@pytest.mark.parametrize(
    ("agent", "code"),
    [
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

    simulate(story())


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

    simulate(story())


class NonsenseGateway(RawGateway):
    """Takes calls of `good` agents as a gateway does; does something else to the others."""

    def say(self, sid: str, *bodies: bytes) -> None:
        if sid not in self._writers:
            self._writers[sid] = self.writer(self._events[sid])
        self._writers[sid].write(bodies)

    def _on_message(self, sid: str, message: messages.FromPlugin) -> None:
        match message:
            case messages.Open(agent="good"):
                self.say(sid, control.encode(messages.Opened()))
            case messages.Open(agent=agent):
                self.misbehave(agent, sid)
            case messages.Commit(turn=turn):
                self.queue_datagram(self._frame(sid, audio.DownlinkFrame(turn, 0, 0, bytes(960))))
                self.say(sid, control.encode(messages.ReplyEnd(turn=turn, frames=1)))

    def _frame(self, sid: str, frame: audio.DownlinkFrame) -> bytes:
        return AudioWriter(self.session, self._downlinks[sid], by_stream=False).downlink(frame)

    def misbehave(self, how: str, sid: str) -> None:
        match how:
            case "binary":
                self.say(sid, b"\xff" * 500)
            case "too-long":
                self.say(sid, bytes(MAX_MESSAGE + 1))
            case "out-of-place":
                self.say(sid, control.encode(messages.ReplyEnd(turn=1, frames=1)))
            case "a-gap":
                self._writers[sid] = self.writer(self._events[sid])
                self._writers[sid]._next = 1
                self.say(sid, control.encode(messages.Opened()))
            case "reset":
                self.say(sid, control.encode(messages.Opened()))
                self._loop.call_later(0.1, self._reset, sid)
            case "done":
                self.session.finish(self._events[sid])
            case "refusing":
                self.session.cancel(self._events[sid])
            case "silent":
                pass
            case "own-streams":
                stray = objects.subgroup_head(9999, 0, has_properties=False)
                self.send_stream(self.session._requests.streams.open(unidirectional=True), stray, 0)
                self.session.publish(track("nobody", "downlink"))
                self.session.subscribe(track(sid, "downlink"))
                self.say(sid, control.encode(messages.Opened()))
            case "datagrams":
                self.say(sid, control.encode(messages.Opened()))
                alias = self._downlinks[sid].alias
                for n in range(150):
                    self.queue_datagram(objects.encode_datagram(alias, n, 50, b"ab"))
                    self.queue_datagram(objects.encode_datagram(alias, n, 0, b"ab", b"\x06"))
                    self.queue_datagram(objects.encode_datagram(n + 70_000, 1, 0, b"ab"))
                    frame = audio.DownlinkFrame(n + 9, 0, 0, bytes(2))
                    self.queue_datagram(self._frame(sid, frame))

    def _reset(self, sid: str) -> None:
        self._writers[sid]._writer.reset()
        self.transmit()


@contextlib.asynccontextmanager
async def nonsense_gateway():
    made = self_signed("127.0.0.1")
    configuration = sockets.configuration(is_client=False, packet_bytes=1200)
    configuration.certificate, configuration.private_key = made.certificate, made.key
    server = await serve(
        "127.0.0.1", 0, configuration=configuration, create_protocol=NonsenseGateway
    )
    endpoint = f"quic://127.0.0.1:{server._transport.get_extra_info('sockname')[1]}"
    line = QuicConnection(endpoint, TlsOptions(verify=False))
    yield line, AgentSpec(endpoint=endpoint, agent="good", open_timeout_secs=20)
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
        ("a-gap", "protocol_violation"),
        ("reset", "closed_early"),
        ("done", "closed_early"),
        ("refusing", "closed_early"),
        ("silent", "open_timeout"),
    ],
)
def test_a_gateway_that_speaks_nonsense_on_one_call_loses_that_call(how, code):
    async def story():
        async with nonsense_gateway() as (line, agent):
            good = await Phone(line, agent).opened()
            changes = {"agent": how} | ({"open_timeout_secs": 1} if how == "silent" else {})
            bad = Phone(line, agent.model_copy(update=changes))
            assert (await bad.failed()).code == code
            await still_talks(good, 1)

    simulate(story())


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
            if how == "datagrams":
                assert line.stats.datagrams_malformed == 300
                assert line.stats.datagrams_unknown == 150
                assert bad.call.stats.uncommitted + bad.call.stats.fenced == 150

    simulate(story())


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

    simulate(story())
