"""Raw QUIC clients that misbehave, beside a real plugin's call that must not notice."""

import asyncio
import contextlib
import ssl

import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived

from bridge.wire import audio, control, limits, messages, transport
from tests.leg.network import Phone, connection, place, run, speech, talks


class RawClient(QuicConnectionProtocol):
    """Sends whatever it is told, and keeps what comes back."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.received: dict[int, bytes] = {}
        self.finished: set[int] = set()
        self.over = asyncio.Event()
        self._news = asyncio.Event()

    def quic_event_received(self, event) -> None:
        match event:
            case StreamDataReceived(stream_id=stream_id, data=data, end_stream=ended):
                self.received[stream_id] = self.received.get(stream_id, b"") + data
                if ended:
                    self.finished.add(stream_id)
                self._news.set()
            case ConnectionTerminated():
                self.over.set()

    def stream(self, data: bytes, unidirectional: bool = False) -> int:
        stream_id = self._quic.get_next_available_stream_id(unidirectional)
        self._quic.send_stream_data(stream_id, data)
        self.transmit()
        return stream_id

    def datagrams(self, *frames: bytes) -> None:
        for frame in frames:
            self._quic.send_datagram_frame(frame)
        self.transmit()

    async def answer_on(self, stream_id: int) -> list[messages.FromGateway]:
        """All messages on a stream, once it has ended."""
        async with asyncio.timeout(20):
            while stream_id not in self.finished:
                self._news.clear()
                await self._news.wait()
        bodies = control.MessageReader().feed(self.received[stream_id])
        return [control.decode_from_gateway(body) for body in bodies]


@contextlib.asynccontextmanager
async def raw_client(where):
    configuration = transport.configuration(is_client=True, packet_bytes=1200)
    configuration.verify_mode = ssl.CERT_NONE
    host, port = where.gateway.address
    async with connect(
        host, port, configuration=configuration, create_protocol=RawClient
    ) as client:
        yield client


OPEN = control.encode(messages.Open(sid="bad", agent="parrot", direction="inbound"))
COMMIT = control.encode(messages.Commit(turn=1, last_seq=-1))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"\x00\x04ouch", "malformed_message"),
        (b"\xff\xff", "message_too_large"),
        (COMMIT, "protocol_violation"),
        (OPEN + OPEN, "protocol_violation"),
        (OPEN + b"\x00\x00", "malformed_message"),
        (OPEN + COMMIT + COMMIT, "protocol_violation"),
        (OPEN + control.encode(messages.Answered()) * 500, "flood"),
    ],
)
def test_a_plugin_that_speaks_nonsense_gets_an_error_and_others_go_on(said, code):
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            good = await talks(line, where.agent())
            async with raw_client(where) as client:
                stream_id = client.stream(said)
                answer = await client.answer_on(stream_id)
                assert [m.code for m in answer if isinstance(m, messages.Error)] == [code]
                again = client.stream(OPEN)
                async with asyncio.timeout(10):
                    while again not in client.received:
                        await asyncio.sleep(0.01)
            good.call.commit(2, good.say(speech(0.3)))
            assert len(await good.reply_to(2)) > 0

    run(story())


def test_nonsense_in_datagrams_is_counted_and_dropped():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            good = await talks(line, where.agent())
            async with raw_client(where) as client:
                client.datagrams(
                    b"",
                    b"\x01",
                    b"\x09" * 50,
                    audio.encode_downlink(0, 1, 0, 0, bytes(2)),
                    audio.encode_uplink(4_000_000_000, 0, 0, bytes(2)),
                    audio.encode_uplink(7, 0, 0, bytes(2)),
                )
                await client.ping()
            good.call.commit(2, good.say(speech(0.3)))
            assert len(await good.reply_to(2)) > 0
            async with asyncio.timeout(10):
                while not where.gateway.stats.datagrams_malformed:
                    await asyncio.sleep(0.01)
            assert where.gateway.stats.datagrams_malformed == 4
            assert where.gateway.stats.datagrams_unknown == 2

    run(story())


def test_audio_of_one_plugin_cannot_reach_the_call_of_another():
    async def story():
        async with place(pace=0) as where, connection(where) as line:
            good = await Phone(line, where.agent()).opened()
            async with raw_client(where) as client:
                client.datagrams(
                    *(audio.encode_uplink(0, n, 0, b"\x7f\x7f" * 320) for n in range(20))
                )
                await client.ping()
            good.call.commit(1, -1)
            assert len(await good.reply_to(1)) == 0

    run(story())


def test_streams_that_never_speak_are_closed(monkeypatch):
    monkeypatch.setattr("bridge.gateway.session.OPEN_WAIT", 0.2)

    async def story():
        async with place() as where, raw_client(where) as client:
            silent = client.stream(OPEN[:-3])
            answer = await client.answer_on(silent)
            assert [m.code for m in answer] == ["open_timeout"]

    run(story())


def test_a_stray_stream_is_refused_and_harms_no_call():
    async def story():
        async with place(pace=0) as where, raw_client(where) as client:
            call = client.stream(OPEN)
            stray = client.stream(b"hello", unidirectional=True)
            client._quic.reset_stream(stray, 0)
            client.transmit()
            await client.ping()
            client._quic.send_stream_data(call, COMMIT)
            client.transmit()
            async with asyncio.timeout(10):
                while b"reply_end" not in client.received.get(call, b""):
                    await asyncio.sleep(0.01)

    run(story())


def test_no_more_streams_are_open_at_a_time_than_the_document_says():
    async def story():
        async with place() as where, raw_client(where) as client:
            for _ in range(limits.MAX_CALLS_PER_CONNECTION + 50):
                client.stream(b"\x00")
            await client.ping()
            await asyncio.sleep(0.1)
            (protocol,) = where.gateway.protocols
            assert len(protocol._calls) == limits.MAX_CALLS_PER_CONNECTION

    run(story())


def test_connections_beyond_the_limit_are_not_answered():
    async def story():
        async with place(max_connections=2) as where, raw_client(where), raw_client(where):
            with pytest.raises((TimeoutError, ConnectionError)):
                async with asyncio.timeout(0.5), raw_client(where):
                    pass
            assert len(where.gateway.protocols) == 2

    run(story())


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

    run(story())
