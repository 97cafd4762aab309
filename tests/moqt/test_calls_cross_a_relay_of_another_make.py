"""Plugin and gateway at a relay that we did not write: aiomoqt's, and its publisher, subscriber."""

import asyncio
import contextlib
import ssl

import numpy as np
import pytest
from aioquic.asyncio.client import connect

from bridge.agent import TlsOptions
from bridge.leg.interface import LegFailed, ReplyAudio
from bridge.leg.quic import QuicConnection
from bridge.wire import control, messages, sockets
from bridge.wire.tracks import track
from tests.leg.hearing import best_match
from tests.leg.network import AgentSpec, Phone, place, run, speech
from tests.peers.aiomoqt_peer import Relay, publisher, subscriber
from tests.wire.peer import RawPeer

PATIENCE = 20


@contextlib.asynccontextmanager
async def worker(relay: Relay):
    """A plugin's connection to the relay."""
    line = QuicConnection(relay.endpoint, TlsOptions(ca_file=str(relay.ca_file)))
    try:
        yield line
    finally:
        await line.close()


@contextlib.asynccontextmanager
async def behind(relay: Relay, **options):
    """A gateway that the relay leads to."""
    options = {"relays": (relay.endpoint,), "relay_ca_file": str(relay.ca_file), **options}
    async with place(**options) as where:
        async with asyncio.timeout(PATIENCE):
            await where.gateway.relays[0].connected.wait()
        yield where


def agent(relay: Relay, **changes) -> AgentSpec:
    return AgentSpec(endpoint=relay.endpoint, agent="parrot", **changes)


async def said_by(process, word: str, count: int = 1) -> list[str]:
    """Lines of a peer that begin with `word`, once there are so many."""
    async with asyncio.timeout(PATIENCE):
        while True:
            lines = [line for line in process.output().splitlines() if line.startswith(word)]
            if len(lines) >= count:
                return lines
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("delivery", ["datagram", "stream"])
def test_a_call_goes_through_and_its_reply_comes_back(relay, delivery):
    async def story():
        async with behind(relay, pace=0) as where, worker(relay) as line:
            phone = await Phone(line, agent(relay, audio_delivery=delivery)).opened()
            phone.call.answered()
            said = speech(0.8)
            for turn in (1, 2):
                phone.call.commit(turn, phone.say(said))
                heard = await phone.reply_to(turn)
                match, _ = best_match(heard[::3], said[::2])
                assert match > 0.9
            assert not any(isinstance(e, LegFailed) for e in phone.events)
            phone.call.close("done")
            async with asyncio.timeout(PATIENCE):
                while where.gateway.sids:
                    await asyncio.sleep(0.02)
            assert where.gateway.stats.failed == 0

    run(story())


def test_several_calls_share_the_connection(relay):
    async def story():
        async with behind(relay, pace=0), worker(relay) as line:
            phones = [await Phone(line, agent(relay)).opened() for _ in range(5)]
            for phone in phones:
                phone.call.answered()
                phone.call.commit(1, phone.say(speech(0.3)))
            for phone in phones:
                assert len(await phone.reply_to(1)) > 0

    run(story())


def test_an_error_of_the_gateway_reaches_the_plugin_through_the_relay(relay):
    async def story():
        async with behind(relay), worker(relay) as line:
            phone = Phone(line, agent(relay).model_copy(update={"agent": "budgie"}))
            assert (await phone.failed()).code == "unknown_agent"

    run(story())


def test_without_a_gateway_a_call_fails_in_its_time_and_later_ones_work(relay):
    async def story():
        async with worker(relay) as line:
            early = Phone(line, agent(relay, open_timeout_secs=1))
            assert (await early.failed()).code == "open_timeout"
            async with behind(relay, pace=0):
                await Phone(line, agent(relay)).opened()

    run(story())


def test_a_gateway_that_dies_behind_the_relay_is_noticed(relay):
    async def story():
        async with worker(relay) as line, behind(relay, resume_secs=1) as where:
            phone = await Phone(line, agent(relay)).opened()
            (link,) = where.gateway.links
            # Its process stops: no FIN, no GOAWAY, and nothing is answered.
            link.protocol.owner = None
            link.protocol.on_stream = lambda *_: None
            assert (await phone.failed()).code == "connection_lost"

    run(story())


@pytest.mark.parametrize("delivery", ["datagram", "stream"])
def test_its_subscriber_hears_the_caller(relay, tmp_path, delivery):
    async def story():
        async with behind(relay), worker(relay) as line:
            phone = await Phone(line, agent(relay, audio_delivery=delivery), sid="heard").opened()
            phone.call.answered()
            listener = subscriber(tmp_path, relay.endpoint, "voice/heard/uplink", "audio")
            try:
                await said_by(listener, "subscribed")
                said = speech(1.2)
                for start in range(0, len(said), 320):
                    phone.say(said[start : start + 320])
                    await asyncio.sleep(0.005)
                lines = [line.split() for line in await said_by(listener, "object", 60)]
            finally:
                listener.stop()
            assert {line[1] for line in lines} == {delivery}
            found = {(int(line[2]), int(line[3])): line for line in lines}
            frames = [found[n // 50, n % 50] for n in range(60)]
            assert [int(line[4]) for line in frames] == [n * 320 for n in range(60)]
            assert b"".join(bytes.fromhex(line[5]) for line in frames) == said.tobytes()

    run(story())


class ByHand(RawPeer):
    """A gateway that takes one call, and leaves its voice to another publisher."""

    async def open(self, sid: str) -> None:
        self.session.subscribe_tracks((b"voice",))
        self.transmit()
        control_track = f"voice-{sid}-control--messages"
        await self.until(lambda: control_track in self.said)
        events = self.session.publish(track(sid, "events"))
        self.transmit()
        await self.until(lambda: events.forward)
        writer = self.writer(events)
        writer.write([control.encode(messages.Opened())])
        self.transmit()
        heard = 1
        while True:
            await self.until(lambda heard=heard: len(self.said[control_track]) > heard)
            heard += 1
            if b'"ping"' in self.said[control_track][heard - 1]:
                writer.write([control.encode(messages.Pong())])
                self.transmit()


@pytest.mark.parametrize("delivery", ["datagram", "stream"])
def test_its_publisher_speaks_to_the_caller(relay, tmp_path, delivery):
    async def story():
        said = speech(1.2, 24000)
        (tmp_path / "said.pcm").write_bytes(said.tobytes())
        options = (tmp_path / "said.pcm", "960", delivery)
        async with hand(relay) as gateway, worker(relay) as line:
            phone = Phone(line, agent(relay), sid="told")
            serving = asyncio.create_task(gateway.open("told"))
            await phone.opened()
            phone.call.answered()
            speaker = publisher(tmp_path, relay.endpoint, "voice/told/downlink", "audio", *options)
            try:
                await said_by(speaker, "spoken")
                await phone.until(lambda: len(phone.heard(0)) >= len(said))
            finally:
                serving.cancel()
                speaker.stop()
            frames = [e for e in phone.events if isinstance(e, ReplyAudio)]
            assert [(e.turn, e.seq, e.timestamp) for e in frames] == [
                (0, n, n * 480) for n in range(60)
            ]
            assert np.array_equal(phone.heard(0), said)

    run(story())


@contextlib.asynccontextmanager
async def hand(relay: Relay):
    configuration = sockets.configuration(is_client=True, packet_bytes=1200)
    configuration.verify_mode = ssl.CERT_NONE
    async with connect(
        "127.0.0.1", relay.port, configuration=configuration, create_protocol=ByHand
    ) as made:
        yield made
