"""Named sets of turn options. What made them is in docs/turn-taking.md."""

from collections.abc import Mapping
from typing import Any, Literal

PresetName = Literal["document", "phone"]

PRESETS: Mapping[PresetName, Mapping[str, Any]] = {
    "document": {},
    "phone": {
        "silence_threshold_ms": 420,
        "barge_confirm_ms": 500,
        "agent_tail_ms": 300,
    },
}
"""Only what differs from the defaults."""
