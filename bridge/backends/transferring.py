"""What a model is told of the transfer that it asked for."""

from bridge.gateway.events import TransferProgress

TAIL_MS = 240
"""Silence after the last words before a transfer. The reply stays open, so that the model can say
what became of it; and the plugin tells every 200 ms how far an open reply was heard."""

_WHY = {
    403: "it is not allowed",
    404: "there is no such number",
    408: "nobody answered",
    480: "nobody is there",
    484: "there is no such number",
    486: "the line is busy",
    600: "the line is busy",
    603: "the call was declined",
    604: "there is no such number",
}


def ended(progress: TransferProgress) -> bool:
    """Nothing came of it: the phone is the agent's again."""
    return progress.state in ("failed", "cancelled")


def words_of(progress: TransferProgress) -> str:
    """For the model. The reason's own words come from the far side, and are not repeated."""
    why = _WHY.get(progress.code, "it was not possible")
    return f"[The transfer failed: {why}. The caller is still on the phone.]"
