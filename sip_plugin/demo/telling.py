"""What the demo says about an event: who, what, and how it looks. No I/O."""

from typing import NamedTuple

from sip_plugin.demo import speech
from sip_plugin.demo.script import (
    CallerEvent,
    FellSilent,
    Kind,
    LineEnded,
    LineStarted,
    Missed,
    ReplyHeard,
    ReplyOver,
)
from sip_plugin.demo.watching import PluginEvent


class Told(NamedTuple):
    who: str
    text: str
    style: str = ""
    """A style of rich."""


def of_caller(event: CallerEvent) -> Told | None:
    match event:
        case LineStarted(line=line, kind=kind):
            how = {
                Kind.TURN: "says",
                Kind.BACKCHANNEL: "mutters into the reply",
                Kind.BARGE_IN: "interrupts the reply",
            }[kind]
            return Told("caller", f"{how} “{speech.WORDS.get(line, line)}”", "bold blue")
        case LineEnded(kind=Kind.TURN | Kind.BARGE_IN):
            return Told("caller", "has finished", "blue")
        case ReplyHeard():
            return Told("phone", "hears the agent", "dark_orange")
        case ReplyOver():
            return Told("phone", "the agent has finished", "dark_orange")
        case FellSilent():
            return Told("phone", "the agent has fallen silent", "dark_orange")
        case Missed(expected=expected, seen=seen):
            return Told("caller", f"hangs up: expected {expected}; {seen}", "bold red")
    return None


def of_plugin(event: PluginEvent) -> Told | None:
    """None for what a spectator of one call need not see."""
    data = event.data
    match event.event:
        case "state":
            code = f" ({data.get('code')} {data.get('reason', '')})" if data.get("code") else ""
            return Told("plugin", f"call {data.get('state')}{code}", "bold")
        case "media_started":
            return Told("plugin", f"media: {data.get('codec')}, {data.get('direction')}")
        case "speech_start":
            return Told("turns", "speech", "cyan")
        case "speech_end":
            return Told("turns", f"silence, after {_ms(data, 'speech_ms')} of speech", "cyan")
        case "prime":
            return Told("turns", f"prime: turn {data.get('turn')} is a real one", "cyan")
        case "commit":
            return Told("turns", f"commit: turn {data.get('turn')} is over", "bold green")
        case "retract":
            text = f"turn {data.get('turn')} goes on: its commit is taken back"
            return Told("turns", text, "bold magenta")
        case "backchannel":
            text = f"backchannel: {_ms(data, 'speech_ms')} of speech is no turn"
            return Told("turns", text, "bold magenta")
        case "barge_in_armed":
            return Told("turns", "barge-in armed: the caller speaks over the agent", "yellow")
        case "barge_in_rejected":
            text = f"barge-in rejected: only {_ms(data, 'speech_ms')} of speech, the agent goes on"
            return Told("turns", text, "bold magenta")
        case "cancel":
            text = f"barge-in confirmed: agent cancelled, {_ms(data, 'heard_ms')} of it were heard"
            return Told("turns", text, "bold red")
        case "turn_latency":
            parts = ", ".join(
                f"{name} {_ms(data, key)}"
                for name, key in (
                    ("commit", "commit_ms"),
                    ("model", "model_ms"),
                    ("playout", "playout_ms"),
                )
            )
            text = f"answers turn {data.get('turn')} after {_ms(data, 'total_ms')}: {parts}"
            return Told("agent", text, "bold dark_orange")
        case "transcript" if data.get("final"):
            did = "understood" if data.get("role") == "caller" else "says"
            return Told("agent", f"{did} “{data.get('text')}”", "dark_orange")
        case "reply_end":
            return Told("agent", f"reply to turn {data.get('turn')} played out", "dark_orange")
    return None


def _ms(data: dict, key: str) -> str:
    value = data.get(key)
    return f"{value:.0f} ms" if isinstance(value, int | float) else "? ms"
