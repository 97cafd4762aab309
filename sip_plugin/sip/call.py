"""One call as call control sees it, and what the other processes are told of it."""

from dataclasses import dataclass, field

from bridge.agent import AgentSpec
from bridge.profile import LegProfile
from sip_plugin.media.description import MediaDescription
from sip_plugin.planes.messages import CallEvent, CallState, Lease, OpenCall, StartMedia


@dataclass(slots=True)
class Call:
    sid: str
    direction: str
    trunk: str
    agent: str
    caller: str
    called: str
    worker: str
    state: str
    source: str = ""
    media: MediaDescription | None = None
    answered: bool = False
    """A 200 went out or came in."""
    confirmed: bool = False
    ending: str = ""
    """Our cause, once we have ended it; what comes after is only its echo."""
    reason: str = ""
    closed: bool = False
    """The worker knows that it is over."""
    timers: dict[str, float] = field(default_factory=dict)

    def told(self, code: int = 0, reason: str = "") -> CallState:
        """Its state, for the supervisor."""
        return CallState(
            sid=self.sid,
            state=self.state,
            direction=self.direction,
            caller=self.caller,
            called=self.called,
            trunk=self.trunk,
            agent_name=self.agent,
            code=code,
            reason=reason,
            cause=self.ending,
        )

    def event(self, name: str, **data: object) -> CallEvent:
        """Something that happened on it; the SIP side has no sample clock."""
        return CallEvent(sid=self.sid, event=name, at_ms=0.0, data=data)

    def opening(
        self, lease: Lease, agent: AgentSpec, headers: dict[str, str], leg: LegProfile
    ) -> OpenCall:
        """For its worker, when it begins."""
        return OpenCall(
            sid=self.sid,
            lease_id=lease.lease_id,
            agent_name=self.agent,
            agent=agent,
            direction=self.direction,
            caller=self.caller,
            called=self.called,
            headers=headers,
            leg=leg,
        )

    def starting(self) -> StartMedia:
        """For its worker, when media was agreed on, for the first time or anew."""
        assert self.media is not None
        return StartMedia(sid=self.sid, media=self.media, answered=self.answered)
