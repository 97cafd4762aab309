"""The detector that most voice stacks begin with: speech starts, stops, and that is all.

Voice activity of 200 ms opens a turn and stops an agent that is talking; a fixed silence ends the
turn. It stands beside ours so that the figures have something to be compared with.
"""

from bridge.audio.frames import FRAME_MS
from bridge.replay import Heard
from bridge.turn.events import Cancel, Commit, TurnEvent

START_MS = 200
THRESHOLD = 0.5
GATE_DBFS = -50.0


def detect(heard: Heard, silence_ms: int) -> list[TurnEvent]:
    """Commits after `silence_ms`, and cancels: at most one for each of the agent's turns."""
    events: list[TurnEvent] = []
    run_ms = quiet_ms = turns = cancelled = 0
    is_speech = (heard.probability >= THRESHOLD) & (heard.level_dbfs >= GATE_DBFS)
    open_turn = False
    for seq, (speaks, agent_turn) in enumerate(
        zip(is_speech.tolist(), heard.agent_turn.tolist(), strict=True)
    ):
        now = (seq + 1) * FRAME_MS
        run_ms = run_ms + FRAME_MS if speaks else 0
        quiet_ms = 0 if speaks else quiet_ms + FRAME_MS
        if run_ms >= START_MS:
            turns += not open_turn
            open_turn = True
            if agent_turn and agent_turn != cancelled:
                cancelled = agent_turn
                events.append(Cancel(now, turns))
        if open_turn and quiet_ms >= silence_ms:
            open_turn = False
            events.append(Commit(now, turns, now - quiet_ms, seq))
    return events
