"""Every option of turn-taking, in one place, with its meaning."""

from pydantic import BaseModel, ConfigDict, Field


class TurnOptions(BaseModel):
    """When a caller's turn begins, counts and ends. Times in milliseconds, levels in dBFS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    response_min_speech_ms: int = Field(600, ge=0, le=3000)
    """Speech shorter than this is a backchannel and never commits."""

    silence_threshold_ms: int = Field(500, ge=100, le=5000)
    """Silence after a real turn that ends it. Below about 300 it fires on pauses between words."""

    barge_confirm_ms: int = Field(300, ge=0, le=3000)
    """Speech over the agent, from its onset, that confirms a barge-in."""

    barge_gap_ms: int = Field(200, ge=0, le=1000)
    """Silence within speech over the agent that is bridged; a longer one rejects the barge-in."""

    commit_min_interval_ms: int = Field(1500, ge=0, le=10000)
    """Least time between two commits."""

    prefix_padding_ms: int = Field(300, ge=0, le=2000)
    """Audio before the onset that belongs to the turn."""

    max_turn_ms: int = Field(60000, ge=5000, le=600000)
    """A turn as long as this is committed though it has not ended: noise that is taken for speech
    must not silence the agent for good."""

    agent_tail_ms: int = Field(200, ge=0, le=2000)
    """The agent keeps the floor so long after its last audible frame: through a gap in its speech,
    and while its echo is still on the way."""

    vad_threshold: float = Field(0.5, gt=0.0, lt=1.0)
    """Speech probability at which a frame is speech; it ends 0.15 below (hysteresis)."""

    quiet_gate_dbfs: float = Field(-50.0, ge=-96.0, le=0.0)
    """Frames below this level are not speech while the agent is silent."""

    agent_gate_dbfs: float = Field(-45.0, ge=-96.0, le=0.0)
    """The same while the agent is audible: raised, since a raw phone leg echoes the agent."""
