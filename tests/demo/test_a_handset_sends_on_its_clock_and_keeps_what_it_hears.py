"""The phone's audio half against a plain UDP socket, for a third of a second."""

import asyncio
import socket
import struct

import numpy as np

from bridge.audio import g711
from bridge.audio.frames import FRAME_SAMPLES
from sip_plugin.demo.handset import Handset, bind_ports
from sip_plugin.media.description import MediaDescription, PhoneCodec

FRAMES = 16


def packet(seq: int, pcm: np.ndarray) -> bytes:
    head = struct.pack("!BBHII", 0x80, 8, seq, seq * FRAME_SAMPLES, 0x1234)
    return head + g711.encode("g711_alaw", pcm)


async def talk_to(peer: socket.socket) -> tuple[Handset, list[bytes]]:
    said = np.full(FRAME_SAMPLES, 4000, np.int16)
    handset = Handset(lambda heard: said)
    address, port = peer.getsockname()
    handset.begin(
        MediaDescription(
            codec=PhoneCodec.ALAW,
            remote_address=address,
            remote_rtp_port=port,
            remote_rtcp_port=port + 1,
            tx_payload_type=8,
            rx_payload_type=8,
        )
    )
    loop = asyncio.get_running_loop()
    received = []
    for seq in range(FRAMES):
        received.append(await asyncio.wait_for(loop.sock_recv(peer, 2048), 5))
        tone = np.full(FRAME_SAMPLES, -8000, np.int16)
        peer.sendto(packet(seq, tone), (handset.address, handset.port))
    handset.close()
    return handset, received


def test_every_frame_is_a_packet_and_every_packet_is_kept():
    peer, rtcp = bind_ports("127.0.0.1")
    with peer, rtcp:
        handset, received = asyncio.run(talk_to(peer))
    heads = [struct.unpack_from("!BBHII", data) for data in received]
    assert [len(data) for data in received] == [12 + FRAME_SAMPLES] * FRAMES
    assert {(seq - heads[0][2]) % 65536 - n for n, (_, _, seq, _, _) in enumerate(heads)} == {0}
    assert {(at - heads[0][3]) % 2**32 for _, _, _, at, _ in heads} == {
        n * FRAME_SAMPLES for n in range(FRAMES)
    }
    record = handset.record()
    assert len(record.sent) == len(record.heard) == FRAME_SAMPLES * len(record.sent_at)
    assert np.all(record.sent == 4000)
    assert len(record.packet_at) >= FRAMES - 2 and np.all(record.packet_dbfs > -13)
    # The first frames are silence: nothing had arrived when they were played.
    assert record.heard[0] == 0 and np.any(record.heard < -7500)


def test_the_clock_is_absolute():
    peer, rtcp = bind_ports("127.0.0.1")
    with peer, rtcp:
        handset, _ = asyncio.run(talk_to(peer))
    sent_at = handset.record().sent_at
    assert np.all(sent_at - sent_at[0] >= np.arange(len(sent_at)) * 0.02 - 0.005)
