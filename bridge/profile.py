"""What kind of line a call comes in on, and what is done to its audio: one place for the options.

A *raw* leg returns the agent's voice (a phone behind a hybrid, a speakerphone); an *aec* leg has
a far end that cancels it. A trunk chooses one of them, an agent may choose another, and both may
override each value.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.turn.options import TurnOptions

ProfileName = Literal["raw", "aec"]

Engine = Literal["aec3", "webrtc_apm", "none"]
"""`aec3`: WebRTC AEC3 from the `livekit` package. `webrtc_apm`: the older WebRTC canceller from
`webrtc-audio-processing`, an optional extra. `none`: the far end cancels."""

_TURN_FIELDS = ("quiet_gate_dbfs", "agent_gate_dbfs", "barge_confirm_ms")
"""Of a leg, and of an agent's turn options: the leg's stand in for them."""


class LegOptions(BaseModel):
    """`[trunks.NAME.leg]` and `[agents.NAME.leg]`: what is left out is the profile's."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    canceller: Engine | None = None
    """Echo canceller: `aec3`, `webrtc_apm` (an optional extra) or `none`."""

    canceller_tail_ms: int | None = Field(None, ge=100, le=5000)
    """The canceller runs while the agent speaks and so long after: the longest echo."""

    canceller_delay_ms: int | None = Field(None, ge=0, le=500)
    """How late the echo comes: `webrtc_apm` must be told within 50 ms, `aec3` finds out."""

    high_pass_hz: float | None = Field(None, ge=20.0, le=400.0)
    """What is below is removed from the caller's audio: hum, rumble, DC."""

    level_control: bool | None = None
    """Raise quiet callers towards the model, never the noise between their words."""

    early_start: bool | None = None
    """The agent's first packet after a pause may leave up to 15 ms before its slot. Off for phones
    that play packets out as they come: each reply would have another echo delay."""

    quiet_gate_dbfs: float | None = Field(None, ge=-96.0, le=0.0)
    """Instead of the agent's `turn.quiet_gate_dbfs`."""

    agent_gate_dbfs: float | None = Field(None, ge=-96.0, le=0.0)
    """Instead of the agent's `turn.agent_gate_dbfs`: the gate while the agent speaks."""

    barge_confirm_ms: int | None = Field(None, ge=0, le=3000)
    """Instead of the agent's `turn.barge_confirm_ms`."""


class LegProfile(BaseModel):
    """What one call's leg runs with. Meanings and ranges as in `LegOptions`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    canceller: Engine = "aec3"
    canceller_tail_ms: int = 400
    canceller_delay_ms: int = 120
    high_pass_hz: float = 90.0
    level_control: bool = False
    early_start: bool = True
    quiet_gate_dbfs: float | None = None
    agent_gate_dbfs: float | None = None
    barge_confirm_ms: int | None = None

    def turn(self, options: TurnOptions) -> TurnOptions:
        """An agent's turn options on this leg."""
        changes = {
            name: value for name in _TURN_FIELDS if (value := getattr(self, name)) is not None
        }
        return options.model_copy(update=changes) if changes else options


PROFILES: dict[ProfileName, LegProfile] = {
    # Above what a canceller leaves of an echo that hardly rises above the line's noise.
    "raw": LegProfile(agent_gate_dbfs=-40.0),
    # No echo to expect: the gate stays where it is when nobody speaks, and barge-ins are quick.
    "aec": LegProfile(canceller="none", agent_gate_dbfs=-50.0),
}


def resolve(name: ProfileName, turn: TurnOptions, *overrides: LegOptions) -> LegProfile:
    """The profile `name` on a call whose agent has these turn options.

    Of `overrides` the last one that sets a value wins. A turn option that the agent sets itself
    wins over the profile, but not over an override.
    """
    values = PROFILES[name].model_dump()
    usual = TurnOptions()
    for field in _TURN_FIELDS:
        if getattr(turn, field) != getattr(usual, field):
            values[field] = None
    for options in overrides:
        values |= options.model_dump(exclude_none=True)
    return LegProfile(**values)
