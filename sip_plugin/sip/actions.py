"""What call control asks of its shell: small values, carried out in their order."""

from dataclasses import dataclass

from sip_plugin.planes.messages import Message
from sip_plugin.sip.events import LocalMedia


@dataclass(frozen=True, slots=True)
class Answer:
    sid: str
    code: int
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Dial:
    sid: str
    trunk: str
    uri: str
    local: LocalMedia
    local_uri: str
    """For From; empty: the trunk's own."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HangUp:
    """BYE, CANCEL or a final answer, as the call's state asks for."""

    sid: str
    code: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Re-INVITE: put the far side on hold, or take it back."""

    sid: str
    on: bool


@dataclass(frozen=True, slots=True)
class PressKey:
    """By SIP INFO."""

    sid: str
    key: str


@dataclass(frozen=True, slots=True)
class Refer:
    sid: str
    target: str
    replaces: str = ""
    """Another call of ours, that the far side is to replace, in place of a target (RFC 3891)."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """How the call goes that the far side asked for by REFER (RFC 3515 section 2.4.5)."""

    sid: str
    event: str
    code: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class ToWorker:
    worker: str
    message: Message


@dataclass(frozen=True, slots=True)
class Tell:
    """To the supervisor, and to the log."""

    message: Message


Action = Answer | Dial | HangUp | Hold | PressKey | Refer | Notify | ToWorker | Tell
