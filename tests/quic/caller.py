"""A caller and an agent that remember what they said and heard."""

import asyncio

from bridge.gateway.agent import AgentCall
from bridge.gateway.events import CallerAudio, Committed
from bridge.leg.interface import LegFailed, Noticed
from tests.leg.network import Phone, speech

FRAME = 320


class Diary:
    """Writes down what it hears; answers each turn with three seconds of speech."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.told: list[object] = []
        self.missing = 0

    async def __call__(self, call: AgentCall) -> None:
        async for event in call:
            match event:
                case CallerAudio(seq=seq):
                    self.heard.append(seq)
                case Committed(turn=turn, missing=missing):
                    self.told.append(event)
                    self.missing += missing
                    await call.send(speech(3.0, 24000, seed=turn), turn)
                    await call.end(turn)
                case _:
                    self.told.append(event)


class Caller:
    """Speaks without pause, as a phone does."""

    def __init__(self, phone: Phone, line) -> None:
        self.phone, self.line = phone, line
        self.seq = 0

    async def speak(self, secs: float) -> int:
        for _ in range(int(secs * 50)):
            self.phone.call.append(self.seq, self.seq * FRAME, bytes(2 * FRAME))
            self.line.flush()
            self.seq += 1
            await asyncio.sleep(0.02)
        return self.seq - 1

    def notices(self) -> list[str]:
        return [event.code for event in self.phone.events if isinstance(event, Noticed)]

    def failed(self) -> bool:
        return any(isinstance(event, LegFailed) for event in self.phone.events)


async def until(done) -> None:
    async with asyncio.timeout(20):
        while not done():
            await asyncio.sleep(0.02)
