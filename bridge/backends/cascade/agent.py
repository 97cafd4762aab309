"""An agent of three stages, as the gateway runs it."""

import asyncio
from collections.abc import Mapping

from bridge.backends.cascade.conversation import Conversation
from bridge.backends.cascade.interface import (
    Responder,
    SpeechToText,
    StageFailed,
    TextToSpeech,
)
from bridge.backends.cascade.options import CascadeOptions
from bridge.backends.cascade.shared import CascadeStats, Stages
from bridge.backends.functions import Function
from bridge.gateway.agent import AgentCall, CallFailed


class CascadeAgent:
    accepts_calls = True

    def __init__(
        self,
        name: str,
        options: CascadeOptions,
        ears: SpeechToText,
        responder: Responder,
        voice: TextToSpeech,
        functions: Mapping[str, Function] | None = None,
    ) -> None:
        """`functions` of a responder that calls any, by name."""
        self.stats = CascadeStats()
        self.calls = 0
        self._stages = Stages(
            name, options, ears, responder, voice, dict(functions or {}), self.stats
        )

    async def trouble(self) -> list[str]:
        """What would keep it from taking a call now, in words."""
        stages = self._stages
        asked = (stage.ready() for stage in (stages.ears, stages.responder, stages.voice))
        told = await asyncio.gather(*asked, return_exceptions=True)
        return [str(found) for found in told if isinstance(found, Exception)]

    async def __call__(self, call: AgentCall) -> None:
        stages = self._stages
        limit = stages.options.max_calls
        if limit and self.calls >= limit:
            raise CallFailed("too_many_calls", f"{self.calls} calls of {stages.name} are open")
        self.calls += 1
        try:
            await asyncio.gather(
                *(s.ready() for s in (stages.ears, stages.responder, stages.voice))
            )
            call.accept()
            await Conversation(stages, call).run()
        except StageFailed as failed:
            raise CallFailed(failed.code, failed.message) from None
        finally:
            self.calls -= 1
