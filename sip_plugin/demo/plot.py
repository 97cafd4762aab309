"""What a demo's call is about: its agent, the caller's lines, and what the replies must be."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from sip_plugin.demo.expectations import Check, Story, spoken_back
from sip_plugin.demo.measure import CallRecord
from sip_plugin.demo.script import Kind, Line, default_lines
from sip_plugin.demo.watching import PluginEvent

AgentName = Literal["parrot", "assistant"]


class Plot(Protocol):
    agent: str
    """Its name at the gateway."""
    lines: list[Line]

    def gateway(self, run_dir: Path, first_audio_ms: int) -> list[str]:
        """Arguments of `sip-plugin gateway`, but for where it listens."""

    def about(self, first_audio_ms: int) -> str:
        """How the agent answers, for who watches."""

    def judge(
        self,
        turns: Sequence[Line],
        story: Story,
        events: Sequence[PluginEvent],
        record: CallRecord,
    ) -> list[Check]:
        """Whether the replies are what they should be."""


@dataclass(frozen=True, slots=True)
class ParrotPlot:
    """Recorded speech, said back."""

    agent: str = "parrot"

    @property
    def lines(self) -> list[Line]:
        return default_lines()

    def gateway(self, run_dir: Path, first_audio_ms: int) -> list[str]:
        return ["--token", "${MODEL_TOKEN}", "--first-audio-ms", str(first_audio_ms)]

    def about(self, first_audio_ms: int) -> str:
        return f"speaks {first_audio_ms} ms after a commit"

    def judge(
        self,
        turns: Sequence[Line],
        story: Story,
        events: Sequence[PluginEvent],
        record: CallRecord,
    ) -> list[Check]:
        return spoken_back(turns, story, record)


def of(agent: AgentName) -> Plot:
    """Raises ValueError when what it needs is not installed."""
    if agent == "assistant":
        from sip_plugin.demo.assistant import AssistantPlot

        return AssistantPlot()
    return ParrotPlot()


def save(lines: Sequence[Line], path: Path) -> None:
    """For the caller, another process."""
    sounds = {f"{n}:{line.kind}:{line.name}": line.pcm for n, line in enumerate(lines)}
    np.savez(path, **sounds)


def load(path: Path) -> list[Line]:
    with np.load(path) as sounds:
        found = [(*key.split(":"), sounds[key]) for key in sounds.files]
    return [Line(name, Kind(kind), pcm) for _, kind, name, pcm in sorted(found, key=_number)]


def _number(entry: tuple[str, str, str, np.ndarray]) -> int:
    return int(entry[0])
