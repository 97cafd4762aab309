"""Plugins that misbehave, beside a real plugin's call that must not notice."""

import asyncio
import contextlib
import ssl

import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.events import ConnectionTerminated

from bridge.moqt import codec, objects
from bridge.moqt import messages as m
from bridge.moqt.draft18 import DRAFT_18
from bridge.moqt.errors import RequestCode, SessionCode
from bridge.wire import control, limits, messages, sockets
from bridge.wire.tracks import track
from tests.leg.network import Phone, connection, place, speech, talks
from tests.leg.virtual import simulate
from tests.wire.peer import RawPeer


@contextlib.asynccontextmanager
async def raw_client(where, create_protocol=RawPeer):
    configuration = sockets.configuration(is_client=True, packet_bytes=1200)
    configuration.verify_mode = ssl.CERT_NONE
    host, port = where.gateway.address
    async with connect(
        host, port, configuration=configuration, create_protocol=create_protocol
    ) as client:
        yield client


OPEN = control.encode(messages.Open(sid="bad", agent="parrot", direction="inbound"))
OTHERS = control.encode(messages.Open(sid="other", agent="parrot", direction="inbound"))
COMMIT = control.encode(messages.Commit(turn=1, last_seq=-1))
EVENTS = str(track("bad", "events"))


class Call:
    """A call's tracks, on a raw client."""

    def __init__(self, client: RawPeer, sid: str = "bad", attempt: int = 0) -> None:
        self.client = client
        self.events = client.subscribe(sid, "events", attempt)
        client.subscribe(sid, "downlink", attempt)
        self.control = client.publish(sid, "control", attempt)
        self.uplink = client.publish(sid, "uplink", attempt)
        self.writer = client.writer(self.control)

    def say(self, *bodies: bytes) -> None:
        self.writer.write(bodies)
        self.client.transmit()

    async def answer(self) -> list[messages.FromGateway]:
        """All that the gateway said, once it has said its last."""
        await self.client.until(lambda: EVENTS in self.client.over_tracks)
        return [control.decode_from_gateway(body) for body in self.client.said.get(EVENTS, [])]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([b"ouch"], "malformed_message"),
        ([bytes(limits.MAX_MESSAGE + 1)], "message_too_large"),
        ([COMMIT], "protocol_violation"),
        ([OPEN, OPEN], "protocol_violation"),
        ([OPEN, b"{}"], "malformed_message"),
        ([OTHERS], "protocol_violation"),
        ([OPEN, COMMIT, COMMIT], "protocol_violation"),
        ([OPEN, *[control.encode(messages.Answered())] * 500], "flood"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_plugin_that_speaks_nonsense_gets_an_error_and_others_go_on(said, code):
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            good = await talks(line, where.agent())
            async with raw_client(where) as client:
                call = Call(client)
                call.say(*said)
                answer = await call.answer()
                assert [e.code for e in answer if isinstance(e, messages.Error)] == [code]
                again = Call(client, "again")
                again.say(OPEN.replace(b'"bad"', b'"again"'))
                await client.until(lambda: str(track("again", "events")) in client.said)
            good.call.commit(2, good.say(speech(0.3)))
            assert len(await good.reply_to(2)) > 0

    simulate(story())


def test_a_call_is_taken_up_again_on_tracks_of_its_own_only():
    async def story():
        async with place(pace=0) as where, raw_client(where) as client:
            Call(client, "mine").say(OPEN.replace(b'"bad"', b'"mine"'))
            mine = str(track("mine", "events"))
            await client.until(lambda: mine in client.said)
            opened = control.decode_from_gateway(client.said[mine][0])
            assert isinstance(opened, messages.Opened) and opened.resume
            again = messages.Again(
                token=opened.resume, received=1, turn=0, next_frame=0, first_seq=0, committed=0
            )
            call = Call(client)
            call.say(
                control.encode(
                    messages.Open(sid="mine", agent="parrot", direction="inbound", again=again)
                )
            )
            (answer,) = await call.answer()
            assert isinstance(answer, messages.Error) and answer.code == "protocol_violation"
            assert mine not in client.over_tracks

    simulate(story())


def test_an_attempt_of_before_ends_no_call_that_was_begun_anew():
    again = messages.Again(
        token="another's", received=1, turn=0, next_frame=0, first_seq=0, committed=0
    )
    asked = messages.Open(sid="bad", agent="parrot", direction="inbound", again=again)

    async def story():
        async with place(pace=0) as where, raw_client(where) as client:
            Call(client, attempt=2).say(control.encode(asked))
            later = str(track("bad", "events", 2))
            await client.until(lambda: later in client.said)
            Call(client, attempt=1).say(control.encode(asked))
            sooner = str(track("bad", "events", 1))
            await asyncio.sleep(1)
            assert sooner not in client.said and later not in client.over_tracks
            assert where.gateway.stats.calls == 1

    simulate(story())


def test_audio_that_is_none_is_counted_and_dropped():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            good = await talks(line, where.agent())
            async with raw_client(where) as client:
                call = Call(client)
                call.say(OPEN)
                await client.until(lambda: EVENTS in client.said)
                alias = call.uplink.alias
                client.datagrams(
                    objects.encode_datagram(alias, 0, 50, b"ab"),
                    objects.encode_datagram(alias, 0, 0, b""),
                    objects.encode_datagram(alias, 2**60, 0, b"ab"),
                    objects.encode_datagram(alias, 0, 0, b"ab", b"\x06"),
                    objects.encode_datagram(77, 0, 0, b"ab"),
                    objects.encode_datagram(call.control.alias, 0, 0, b"ab"),
                )
                await client.ping_acknowledged()
            good.call.commit(2, good.say(speech(0.3)))
            assert len(await good.reply_to(2)) > 0
            stats = where.gateway.stats
            async with asyncio.timeout(10):
                while not stats.datagrams_malformed:
                    await asyncio.sleep(0.01)
            assert (stats.datagrams_malformed, stats.datagrams_unknown) == (4, 1)

    simulate(story())


def test_audio_of_one_plugin_cannot_reach_the_call_of_another():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            good = await Phone(line, where.agent(), sid="good").opened()
            async with raw_client(where) as client:
                uplink = client.publish("good", "uplink")
                client.transmit()
                client.datagrams(*(client.uplink(uplink, n, b"\x7f\x7f" * 320) for n in range(20)))
                thief = Call(client, "good")
                thief.say(OPEN.replace(b'"bad"', b'"good"'))
                await client.until(lambda: str(track("good", "events")) in client.said)
                (body,) = client.said[str(track("good", "events"))]
                assert control.decode_from_gateway(body).code == "duplicate_call"
            good.call.commit(1, -1)
            assert len(await good.reply_to(1)) == 0

    simulate(story())


def test_calls_that_never_open_are_ended():
    async def story():
        async with place() as where, raw_client(where) as client:
            call = Call(client)
            client.transmit()
            assert [e.code for e in await call.answer()] == ["open_timeout"]
            (protocol,) = where.gateway.protocols
            assert protocol.link._calls == {}

    simulate(story())


def test_a_plugin_that_cannot_hear_is_let_go():
    async def story():
        async with place() as where, raw_client(where) as client:
            client.publish("deaf", "control")
            client.transmit()
            async with asyncio.timeout(20):
                while not where.gateway.protocols or not where.gateway.stats.failed:
                    await asyncio.sleep(0.01)
                (protocol,) = where.gateway.protocols
                while protocol.link._calls:
                    await asyncio.sleep(0.01)

    simulate(story())


class Silent(QuicConnectionProtocol):
    """A connection that never speaks MoQT."""

    over: asyncio.Event

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.over = asyncio.Event()
        self.code = -1

    def quic_event_received(self, event) -> None:
        if isinstance(event, ConnectionTerminated):
            self.code = event.error_code
            self.over.set()


@pytest.mark.parametrize("said", [b"", b"\xaf", b"\xaf\x00\x00"])
def test_a_connection_without_setup_is_closed(said):
    async def story():
        async with place() as where, raw_client(where, Silent) as client:
            if said:
                stream_id = client._quic.get_next_available_stream_id(True)
                client._quic.send_stream_data(stream_id, said)
                client.transmit()
            async with asyncio.timeout(20):
                await client.over.wait()
            assert client.code == SessionCode.CONTROL_MESSAGE_TIMEOUT

    simulate(story())


@pytest.mark.parametrize("said", [b"\x7f", codec.encode(DRAFT_18, m.Setup())])
def test_a_plugin_that_breaks_moqt_loses_its_connection_and_no_other_does(said):
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            good = await talks(line, where.agent())
            async with raw_client(where) as client:
                stream_id = client.session._requests.streams.open(unidirectional=True)
                client.send_stream(stream_id, said, False)
                client.transmit()
                async with asyncio.timeout(20):
                    await client.over.wait()
                assert client.ended.error_code == SessionCode.PROTOCOL_VIOLATION
            good.call.commit(2, good.say(speech(0.3)))
            assert len(await good.reply_to(2)) > 0

    simulate(story())


def test_no_more_calls_are_open_at_a_time_than_the_document_says():
    async def story():
        async with place() as where, raw_client(where) as client:
            for n in range(limits.MAX_CALLS_AT_GATEWAY + 50):
                client.publish(f"call-{n}", "control")
            client.transmit()
            await client.until(lambda: len(client.refused) == 50)
            assert {e.code for e in client.refused} == {RequestCode.EXCESSIVE_LOAD}
            (protocol,) = where.gateway.protocols
            assert len(protocol.link._calls) == limits.MAX_CALLS_AT_GATEWAY

    simulate(story())


def test_connections_beyond_the_limit_are_not_answered():
    async def story():
        async with place(max_connections=2) as where, raw_client(where), raw_client(where):
            with pytest.raises((TimeoutError, ConnectionError)):
                async with asyncio.timeout(0.5), raw_client(where):
                    pass
            assert len(where.gateway.protocols) == 2

    simulate(story())


def test_packets_that_are_no_quic_are_ignored():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            good = await talks(line, where.agent())
            loop = asyncio.get_running_loop()
            sender, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=where.gateway.address
            )
            for packet in (b"", b"\x00", b"\xc0\x00\x00\x00\x01\xff", b"\xff" * 1300, b"x" * 9000):
                sender.sendto(packet)
            good.call.commit(2, good.say(speech(0.3)))
            assert len(await good.reply_to(2)) > 0
            sender.close()

    simulate(story())
