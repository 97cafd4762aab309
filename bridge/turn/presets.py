"""Named sets of turn options. What made them is in docs/turn-taking.md."""

from collections.abc import Mapping
from typing import Any, Literal

PresetName = Literal["document", "phone"]

PRESETS: Mapping[PresetName, Mapping[str, Any]] = {
    "document": {},
    "phone": {
        "silence_threshold_ms": 400,
        "endpointing": "adaptive",
        "barge_confirm_ms": 460,
        "agent_gate_dbfs": -38.0,
        "agent_tail_ms": 300,
        "vad_threshold": 0.4,
    },
}
"""Only what differs from the defaults."""
