"""The assistant's call: a synthetic caller asks, the cascade understands, and answers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import soxr

from bridge.audio.frames import FRAME_SAMPLES, PHONE_RATE_HZ
from bridge.audio.level import dbfs
from bridge.backends.cascade.options import AsrOptions, TtsOptions
from bridge.backends.cascade.rules import normalised
from sip_plugin.demo import speech
from sip_plugin.demo.expectations import Check, Story
from sip_plugin.demo.measure import CallRecord
from sip_plugin.demo.script import Kind, Line
from sip_plugin.demo.watching import PluginEvent

CALLER = TtsOptions(voice="en-us", words_per_minute=155)
AGENT = TtsOptions(voice="en-us+f3", words_per_minute=165)
SPEECH_DBFS = -45.0
"""The caller's first and last frame are at least this loud."""


@dataclass(frozen=True, slots=True)
class Scene:
    name: str
    kind: Kind
    says: str
    answer: str = ""
    """Empty: none is expected."""


SCENES = (
    Scene(
        "hours",
        Kind.TURN,
        "What are your opening hours?",
        "We are open from eight in the morning to six in the evening.",
    ),
    Scene(
        "menu",
        Kind.TURN,
        "What is on the menu?",
        "There is bread and cake, there are rolls and cookies, and there is coffee and tea.",
    ),
    Scene(speech.BACKCHANNEL, Kind.BACKCHANNEL, ""),
    Scene(
        "order",
        Kind.TURN,
        "I want to order three five two",
        "You want to order three five two.",
    ),
    Scene(
        "story",
        Kind.TURN,
        "Please tell me a story",
        "Once upon a time there was a phone that rang all day and all night and nobody could "
        "answer it because everybody in the house was asleep and dreaming of bread and cake.",
    ),
    Scene(
        "stop",
        Kind.BARGE_IN,
        "Stop it please, what is the weather like?",
        "The weather is fine today, with a little wind.",
    ),
    Scene("goodbye", Kind.TURN, "Thank you and goodbye", "Thank you for your call, and goodbye."),
)
RULES = {"order": ("I want to order <digits>", "You want to order <digits>.")}
"""Where the rule is more than the scene."""


class AssistantPlot:
    agent = "assistant"

    def __init__(self) -> None:
        """Raises ValueError when ears or voice are not installed; it says how to get them."""
        from bridge.backends.cascade.espeak import Espeak
        from bridge.backends.cascade.sphinx import Pocketsphinx

        Pocketsphinx(AsrOptions(), ("hello",))
        voice = Espeak(CALLER)
        self.lines = [
            Line(s.name, s.kind, _trimmed(voice.say(s.says, PHONE_RATE_HZ)))
            if s.says
            else Line(s.name, s.kind, speech.load(s.name))
            for s in SCENES
        ]

    def gateway(self, run_dir: Path, first_audio_ms: int) -> list[str]:
        file = run_dir / "gateway.toml"
        file.write_text(_file())
        return ["-c", str(file)]

    def about(self, first_audio_ms: int) -> str:
        return "pocketsphinx, rules, espeak-ng"

    def judge(
        self,
        turns: Sequence[Line],
        story: Story,
        events: Sequence[PluginEvent],
        record: CallRecord,
    ) -> list[Check]:
        scenes = {scene.name: scene for scene in SCENES}
        asked = [scenes[line.name] for line in turns if line.name in story.reply_began]
        heard = _words(events, "caller")
        answered = _words(events, "agent")
        return [
            _same("understood", [normalised(s.says) for s in asked], heard),
            _same("answers", [s.answer for s in asked], answered, cut=story.cut_after(turns)),
            _voice(asked, story, record),
        ]


def _file() -> str:
    """The gateway's file."""
    lines = ["[gateway]", 'token = "${MODEL_TOKEN}"', "", "[agents.assistant]"]
    lines += ['backend = "cascade"', "", "[agents.assistant.tts]"]
    lines += [f'voice = "{AGENT.voice}"', f"words_per_minute = {AGENT.words_per_minute}"]
    for scene in SCENES:
        if scene.says:
            phrase, says = RULES.get(scene.name, (scene.says, scene.answer))
            plain = phrase if "<" in phrase else normalised(phrase)
            lines += ["", "[[agents.assistant.llm.rules]]"]
            lines += [f"phrases = {json.dumps([plain])}", f"says = {json.dumps(says)}"]
    return "\n".join([*lines, ""])


def _trimmed(pcm: np.ndarray) -> np.ndarray:
    """Whole frames, speech from the first to the last."""
    count = -(-len(pcm) // FRAME_SAMPLES)
    frames = np.zeros((count, FRAME_SAMPLES), np.int16)
    frames.reshape(-1)[: len(pcm)] = pcm // 2
    loud = np.flatnonzero(dbfs(frames) >= SPEECH_DBFS)
    return frames[loud[0] : loud[-1] + 1].reshape(-1).copy()


def _words(events: Sequence[PluginEvent], role: str) -> list[str]:
    """Transcripts in the order of the turns; of a turn that went on, what it was in the end."""
    found = {
        event.data["turn"]: str(event.data["text"])
        for event in events
        if event.event == "transcript" and event.data.get("role") == role
    }
    return [found[turn] for turn in sorted(found)]


def _same(name: str, expected: list[str], seen: list[str], cut: Sequence[int] = ()) -> Check:
    """`cut`: of these only a beginning was heard."""
    wrong = [
        f"“{got}” for “{want}”"
        for n, (want, got) in enumerate(zip(expected, seen, strict=False))
        if not (want.startswith(got) if n in cut else got == want)
    ]
    if len(seen) != len(expected):
        wrong.append(f"{len(seen)} transcripts")
    return Check(
        name,
        f"the words of all {len(expected)} turns",
        "; ".join(wrong) if wrong else f"the words of all {len(seen)} turns",
        not wrong,
    )


def _voice(asked: Sequence[Scene], story: Story, record: CallRecord) -> Check:
    """The phone's ears, not the plugin's word: somebody else understands the agent's voice."""
    from bridge.backends.cascade.sphinx import Pocketsphinx

    whole = [s for s in asked if s.name in story.reply_over and s.name not in story.cut]
    answers = {s.name: normalised(s.answer) for s in whole}
    ears = Pocketsphinx(AsrOptions(), tuple(answers.values()))
    alike = {}
    for name, answer in answers.items():
        played = record.played(story.reply_began[name] - 200, story.reply_over[name] + 300)
        noise = np.random.default_rng(1).normal(0, 26, len(played))
        pcm = (played // 2 + noise).round().astype(np.int16)
        heard = ears.understand(soxr.resample(pcm, PHONE_RATE_HZ, ears.rate_hz).tobytes())
        alike[name] = SequenceMatcher(None, answer.split(), heard.split()).ratio()
    good = sum(ratio > 0.7 for ratio in alike.values())
    return Check(
        "voice",
        f"another recogniser understands {max(len(alike) - 1, 1)} of {len(alike)} whole answers",
        f"{good} understood",
        good >= max(len(alike) - 1, 1),
    )
