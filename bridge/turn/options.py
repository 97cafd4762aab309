"""Every option of turn-taking, in one place, with its meaning."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bridge.turn.presets import PRESETS, PresetName


class TurnOptions(BaseModel):
    """When a caller's turn begins, counts and ends. Times in milliseconds, levels in dBFS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: PresetName = "document"
    """The set of values that stands in for what is not given here."""

    response_min_speech_ms: int = Field(600, ge=0, le=3000)
    """Shorter speech is a backchannel over the agent, and a short answer in an open floor."""

    silence_threshold_ms: int = Field(500, ge=100, le=5000)
    """Silence after a real turn that ends it. Below about 300 it fires on pauses between words."""

    endpointing: Literal["fixed", "adaptive"] = "fixed"
    """`adaptive`: the silence that ends a turn follows the caller's own pauses."""

    adaptive_min_ms: int = Field(300, ge=100, le=5000)
    """The shortest silence that adaptive endpointing takes for the end of a turn."""

    adaptive_max_ms: int = Field(900, ge=100, le=5000)
    """The longest one."""

    short_answer_silence_ms: int = Field(900, ge=0, le=5000)
    """Silence after a short answer in an open floor that commits it; 0: it never commits."""

    short_answer_min_speech_ms: int = Field(100, ge=0, le=3000)
    """Bursts shorter than this answer nothing: clicks, breaths."""

    continuation: bool = True
    """A caller who goes on before the reply is heard takes the commit back."""

    reply_wait_ms: int = Field(10000, ge=500, le=120000)
    """How long a reply may be on its way; after it none is expected any more."""

    barge_confirm_ms: int = Field(300, ge=0, le=3000)
    """Speech over the agent, from its onset, that confirms a barge-in."""

    barge_gap_ms: int = Field(200, ge=0, le=1000)
    """Silence within speech over the agent that is bridged; a longer one rejects the barge-in."""

    barge_hold: Literal["talk", "duck", "pause"] = "talk"
    """What the agent does while a barge-in is pending: go on, go on 12 dB quieter, or wait."""

    commit_min_interval_ms: int = Field(1500, ge=0, le=10000)
    """Least time between two commits that stand."""

    prefix_padding_ms: int = Field(300, ge=0, le=2000)
    """Audio before the onset that belongs to the turn."""

    max_turn_ms: int = Field(60000, ge=5000, le=600000)
    """A turn as long as this is committed though it has not ended: noise that is taken for speech
    must not silence the agent for good."""

    no_input_secs: float = Field(0.0, ge=0.0, le=600.0)
    """The model is told when nobody has spoken for so long; 0: it is not."""

    agent_tail_ms: int = Field(200, ge=0, le=2000)
    """The agent keeps the floor so long after its last audible frame: through a gap in its speech,
    and while its echo is still on the way."""

    vad_threshold: float = Field(0.5, gt=0.0, lt=1.0)
    """Speech probability at which a frame is speech; it ends 0.15 below (hysteresis)."""

    quiet_gate_dbfs: float = Field(-50.0, ge=-96.0, le=0.0)
    """Frames below this level are not speech while the agent is silent."""

    agent_gate_dbfs: float = Field(-45.0, ge=-96.0, le=0.0)
    """The same while the agent is audible: raised, since a raw phone leg echoes the agent."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        preset = given.get("preset") if isinstance(given, dict) else None
        if not isinstance(preset, str) or preset not in PRESETS:
            return given  # a wrong one is reported with the fields
        return {**PRESETS[preset], **given}
