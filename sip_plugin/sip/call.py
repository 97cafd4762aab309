"""One call as call control sees it, and what the other processes are told of it."""

from dataclasses import dataclass, field

from bridge.agent import TOOLS, AgentSpec
from sip_plugin.config import Config
from sip_plugin.config.sip_headers import Headers, permitted
from sip_plugin.media.description import MediaDescription
from sip_plugin.planes.messages import (
    CallEvent,
    CallState,
    Lease,
    OpenCall,
    PromptSpec,
    StartMedia,
)
from sip_plugin.sip.causes import CAUSES, who


@dataclass(frozen=True, slots=True)
class Farewell:
    """What a call gets that has no agent, or none any more: a prompt, then a transfer or the
    end."""

    prompt: PromptSpec | None = None
    transfer: str = ""
    """A number or a URI; empty: the call ends."""
    cause: str = "prompt_ended"
    """Ours, of that end."""
    hangup_cause: int = 0
    """Of Q.850, told with that end; 0: none."""
    refuse: tuple[int, str] | None = None
    """The prompt is heard before any answer, and this final one is all that comes."""


@dataclass(slots=True)
class Coming:
    """A leg that is to take the place of a call's own, once it is confirmed."""

    leg: str
    who: str
    event: str = ""
    """Of the NOTIFYs that tell the far side how it goes; empty: nobody is told."""
    media: MediaDescription | None = None
    alone: bool = False
    """The leg before it is gone."""
    told: int = 100
    """The code that the far side was told last."""
    source: str = ""
    """Address that it comes from, with Replaces; empty: a REFER asked for it."""


@dataclass(slots=True)
class Call:
    sid: str
    direction: str
    trunk: str
    agent: str
    """Empty: the dialplan names none."""
    caller: str
    called: str
    worker: str
    state: str
    lease: Lease
    config: Config
    """What it began with; a later one is for later calls."""
    source: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """For the agent, besides what its table says: variables of the route, then X- headers."""
    leg: str = ""
    """The SIP stack's name of it: the sid, and another one at each further trunk."""
    legs: int = 1
    trunks_left: tuple[str, ...] = ()
    """Trunks that were not tried, of a call that goes out."""
    caller_id: str = ""
    """What was asked for; empty: each trunk's own."""
    sip_headers: Headers = ()
    """Of our INVITE, or of our answer to the far side's."""
    rings_until: float = 0.0
    """It is not answered before."""
    give_up_at: float = 0.0
    """No other agent is tried after this."""
    early_media: str = "none"
    """What is heard before the answer, after a 183: `ringback`, `greeting` or `prompt`."""
    max_duration_secs: float = 0.0
    """0: no limit."""
    prompt: PromptSpec | None = None
    """Played before the agent is heard."""
    farewell: Farewell | None = None
    """No agent has it."""
    prompt_over: bool = False
    media: MediaDescription | None = None
    answered: bool = False
    """A 200 went out or came in."""
    confirmed: bool = False
    ending: str = ""
    """Our cause, once we have ended it; what comes after is only its echo."""
    reason: str = ""
    far_reason: str = ""
    """What the far side said of the end (RFC 3326)."""
    early_since: float = 0.0
    """Since when an outbound call that is not answered gets early media; 0: it gets none."""
    announcement_secs: float = 0.0
    """How long that lasted, once it came to nothing."""
    holds: bool = False
    """We have put the far side on hold, or are about to."""
    consultation: str = ""
    """The call to the target of its attended transfer."""
    consults_for: str = ""
    """The call whose attended transfer this one is of."""
    complete_asked: bool = False
    """It is to be connected with that call as soon as it is answered."""
    accept_refer: tuple[str, ...] = ()
    """Where the far side may send the agent on to."""
    accept_replaces: bool = False
    """Another call may take this one's place."""
    coming: Coming | None = None
    transfer_state: str = ""
    keys: str = ""
    """Keys that are still to be pressed by INFO."""
    closed: bool = False
    """The worker knows that it is over."""
    timers: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.leg = self.leg or self.sid

    @property
    def is_moving(self) -> bool:
        """A transfer is under way, which we asked for or the far side."""
        return "transfer" in self.timers or self.coming is not None

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
            ended_by=who(CAUSES[self.ending], self.direction) if self.ending else "",
            far_reason=self.far_reason,
            announcement_secs=self.announcement_secs,
        )

    def end_early_media(self, now: float) -> None:
        """The far side has refused, or is given up: what it said before was no answer."""
        if self.early_since and not self.answered:
            self.announcement_secs = round(now - self.early_since, 1)
        self.early_since = 0.0

    def event(self, name: str, **data: object) -> CallEvent:
        """Something that happened on it; the SIP side has no sample clock."""
        return CallEvent(sid=self.sid, event=name, at_ms=0.0, data=data)

    def permitted(self, wanted: dict[str, str]) -> tuple[Headers, list[CallEvent]]:
        """Of the headers that its agent wants to set those that it may, and what is told of the
        others."""
        if not wanted or not self.agent:
            return (), []
        headers, refused = permitted(wanted, self.agent_spec.sip_headers)
        return headers, [self.event("headers_refused", headers=refused)] if refused else []

    @property
    def agent_spec(self) -> AgentSpec:
        return self.config.agents[self.agent]

    def opening(self, *, again: bool = False) -> OpenCall:
        """For its worker, when it begins, and again when another agent or none takes it."""
        leg = self.config.leg_of(self.trunk, self.agent)
        if self.farewell is not None:
            return OpenCall(
                sid=self.sid,
                lease_id=self.lease.lease_id,
                agent_name="",
                agent=None,
                direction=self.direction,
                caller=self.caller,
                called=self.called,
                leg=leg,
                prompt=self.farewell.prompt,
                again=again,
            )
        agent = self.agent_spec
        language = {"language": agent.language} if agent.language else {}
        tools = {"tools": " ".join(agent.tools)} if agent.tools != TOOLS else {}
        return OpenCall(
            sid=self.sid,
            lease_id=self.lease.lease_id,
            agent_name=self.agent,
            agent=agent,
            direction=self.direction,
            caller=self.caller,
            called=self.called,
            headers=language | agent.metadata | self.headers | tools,
            leg=leg,
            prompt=self.prompt,
            again=again,
        )

    def starting(self) -> StartMedia:
        """For its worker, when media was agreed on, for the first time or anew."""
        assert self.media is not None
        early = "none" if self.answered else self.early_media
        return StartMedia(sid=self.sid, media=self.media, answered=self.answered, early=early)
