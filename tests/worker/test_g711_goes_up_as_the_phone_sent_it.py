"""The whole of a worker: a phone's mu-law reaches an agent of that codec byte by byte."""

import asyncio

import numpy as np

from benchmarks.phones import Phone
from bridge.gateway.agent import AgentCall
from bridge.gateway.events import CallerAudio
from tests.worker.line import until

PACKETS = [np.random.default_rng(n).bytes(160) for n in range(60)]


def sent_and_heard(on_stage, **spec) -> list[bytes]:
    heard: list[bytes] = []

    async def listen(call: AgentCall) -> None:
        async for event in call:
            if isinstance(event, CallerAudio):
                heard.append(event.payload)

    async def story(host, _gateway):
        phone = Phone(lambda n, _now: PACKETS[n], lambda _payload, _now: None)
        phone.remote_port = await host.open("bytes", phone.port)
        loop = asyncio.get_running_loop()
        for _ in PACKETS:
            phone.send(loop.time())
            await asyncio.sleep(0.02)
        await until(lambda: len(heard) > len(PACKETS), "all packets to go up")

    on_stage(listen, story, **spec)
    return heard


def test_without_a_canceller_every_byte_goes_up(on_stage):
    heard = sent_and_heard(on_stage, model_codec="g711_ulaw", leg="aec")
    same = [payload for payload in heard if payload in PACKETS]
    # In order; a busy machine has frames made up or left out, and none of them altered.
    assert same == [packet for packet in PACKETS if packet in same]
    assert len(same) > len(PACKETS) / 2


def test_another_law_is_transcoded(on_stage):
    heard = sent_and_heard(on_stage, model_codec="g711_alaw", leg="aec")
    assert not any(payload in PACKETS for payload in heard)
    assert {len(payload) for payload in heard} == {160}
