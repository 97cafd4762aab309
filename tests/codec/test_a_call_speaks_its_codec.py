"""A phone's bridge, a real QUIC connection and an agent, for each codec."""

import asyncio
import sys

import numpy as np
import pytest

from bridge import codec
from bridge.agent import AgentSpec
from bridge.call import CallBridge
from bridge.gateway.agent import AgentCall
from bridge.gateway.events import CallerAudio, Committed
from bridge.leg.interface import CallFacts, LegFailed, Opened, ReplyAudio, ReplyEnd
from tests.leg.network import PATIENCE, connection, place, speech
from tests.leg.virtual import simulate

ALL = [
    *[("pcm16", rate) for rate in codec.RATES_HZ],
    *[("opus", rate) for rate in codec.RATES_HZ],
    ("g711_ulaw", 8000),
    ("g711_alaw", 8000),
]


class Echo:
    """Says the whole turn back."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.calls: list[AgentCall] = []

    async def __call__(self, call: AgentCall) -> None:
        self.calls.append(call)
        heard = []
        async for event in call:
            match event:
                case CallerAudio():
                    heard.append(event.samples)
                    self.payloads.append(event.payload)
                case Committed(turn=turn):
                    pcm = np.concatenate(heard)
                    await call.send(pcm, turn)
                    await call.end(turn)


class PhoneSide:
    """A bridge on a real connection, driven frame by frame."""

    def __init__(self, line, agent: AgentSpec) -> None:
        self.line = line
        self.events: list = []
        self.bridge = CallBridge(agent, 60.0, lambda event: None)
        facts = CallFacts("codec-call", "inbound", "1001", "2000")
        self.call = line.open_call(facts, agent, self._on_event)
        self.bridge.attach(self.call)
        self.heard: list[np.ndarray] = []

    def _on_event(self, event) -> None:
        self.events.append(event)
        if isinstance(event, ReplyAudio | ReplyEnd):
            self.bridge.on_reply(event, 0.0)

    async def until(self, kind: type) -> None:
        async with asyncio.timeout(PATIENCE):
            while not any(isinstance(event, kind | LegFailed) for event in self.events):
                await asyncio.sleep(0.005)

    async def say(self, pcm: np.ndarray, untouched: str = "") -> list[bytes]:
        """8 kHz, at real time: a connection sheds what comes all at once. Returns what the phone
        sent when it is passed on untouched."""
        sent = []
        for start in range(0, len(pcm), 160):
            frame = pcm[start : start + 160]
            own = None
            if untouched:
                own = (untouched, codec.encoder(untouched, 8000).encode(frame)[:-1] + b"\x7f")
                sent.append(own[1])
            self.bridge.hear(frame, 0.0, -90.0, 0.0, None, own)
            self.line.flush()
            await asyncio.sleep(0.02)
        return sent

    async def reply(self) -> np.ndarray:
        await self.until(ReplyEnd)
        frames = []
        while (frame := self.bridge.speak(0.0)) is not None:
            frames.append(frame.pcm)
        return np.concatenate(frames)


async def opened(line, where, **spec) -> PhoneSide:
    phone = PhoneSide(line, where.agent("echo", **spec))
    await phone.until(Opened)
    phone.call.answered()
    return phone


@pytest.mark.parametrize(("name", "rate_hz"), ALL)
def test_what_the_caller_says_comes_back_in_every_codec(name, rate_hz):
    async def story():
        echo = Echo()
        async with place({"echo": echo}) as where, connection(where) as line:
            rates = {"input_rate_hz": rate_hz, "output_rate_hz": rate_hz}
            phone = await opened(line, where, model_codec=name, **rates)
            said = speech(1.0, 8000)
            await phone.say(said)
            frames = 50 * codec.frames_of(name, rate_hz)
            phone.call.commit(1, frames - 1)
            heard = await phone.reply()
            assert abs(len(heard) - len(said)) <= 160
            assert len(echo.payloads) == frames
            info = echo.calls[0].info
            assert (info.codec, info.input_rate_hz, info.output_rate_hz) == (name, rate_hz, rate_hz)
            middle = said[2000:6000].astype(float)
            whole = heard.astype(float)
            at = int(np.argmax(np.correlate(whole, middle, "valid")))
            piece = whole[at : at + len(middle)]
            likeness = middle @ piece / np.sqrt((middle @ middle) * (piece @ piece))
            assert likeness > (
                0.6
                if name == "opus"  # noise is the worst for it, and it is coded twice
                else 0.95
            )
            assert phone.bridge.stats.reply_frames_malformed == 0
            assert echo.calls[0].malformed_frames == 0

    simulate(story())


@pytest.mark.parametrize("law", codec.G711)
def test_g711_of_the_phone_goes_up_untouched_and_comes_back_untouched(law):
    async def story():
        echo = Echo()
        async with place({"echo": echo}) as where, connection(where) as line:
            phone = await opened(line, where, model_codec=law)
            sent = await phone.say(speech(0.5, 8000), untouched=law)
            other = "g711_alaw" if law == "g711_ulaw" else "g711_ulaw"
            await phone.say(speech(0.1, 8000), untouched=other)
            phone.call.commit(1, 29)
            await phone.reply()
            assert echo.payloads[:25] == sent
            assert phone.bridge.stats.uplink_untouched == 25

    simulate(story())


def test_an_agent_may_send_g711_as_it_has_it():
    said = bytes(range(256)) * 5

    async def encoded(call: AgentCall) -> None:
        async for event in call:
            if isinstance(event, Committed):
                await call.send_encoded(said[:777], event.turn)
                await call.send_encoded(said[777:], event.turn)
                await call.end(event.turn)

    async def story():
        async with place({"echo": encoded}) as where, connection(where) as line:
            phone = await opened(line, where, model_codec="g711_alaw")
            phone.call.commit(1, -1)
            await phone.reply()
            payloads = [e.payload for e in phone.events if isinstance(e, ReplyAudio)]
            assert b"".join(payloads) == said
            assert {len(payload) for payload in payloads} == {160}

    simulate(story())


def test_a_gateway_without_opus_refuses_the_call_and_says_why(monkeypatch):
    async def story():
        async with place({"echo": Echo()}) as where, connection(where) as line:
            agent = where.agent("echo", model_codec="opus")
            phone = PhoneSide(line, agent)
            monkeypatch.setitem(sys.modules, "av", None)
            await phone.until(Opened)
            (failed,) = phone.events
            assert isinstance(failed, LegFailed)
            assert failed.code == "codec_unavailable"

    simulate(story())
