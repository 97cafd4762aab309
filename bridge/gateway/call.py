"""One call at the gateway, whichever connection it is on, and what it needs of the gateway."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from bridge.gateway.agent import Agent, AgentCall, CallInfo
from bridge.gateway.call_tracks import CallTracks
from bridge.gateway.counters import AgentStats, GatewayStats
from bridge.gateway.session import Session
from bridge.quic.paths import KnownPaths
from bridge.wire import messages
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.tracks import CallTrack

if TYPE_CHECKING:
    from bridge.gateway.connection import GatewayLink
    from bridge.gateway.plugin import ServerProtocol


class Host(Protocol):
    """The gateway that a connection belongs to."""

    stats: GatewayStats
    sids: set[str]
    protocols: "set[ServerProtocol]"
    links: "set[GatewayLink]"

    paths: KnownPaths
    closing: bool
    tasks: set[asyncio.Task[None]]

    def admit(self, asked: messages.Open) -> Agent: ...

    def resumable(self, sid: str, call: object) -> tuple[str, int]:
        """A call that was taken; the token and the seconds by which it may be taken up again."""

    def claim(self, sid: str, token: str) -> object | None:
        """The call of that sid, for who shows its token."""

    def begun(self, sid: str, token: str, call: object) -> None:
        """A call that was another gateway's, which had given it that token."""

    def begun_with(self, sid: str, token: str) -> object | None:
        """The call of that sid that was begun so, for who shows that token again."""

    def forget(self, sid: str) -> None: ...


class Call:
    """One call: its session, its tracks, and once it was accepted its agent."""

    def __init__(self, name: CallTrack, link: "GatewayLink", protocol: MoqtProtocol) -> None:
        self.sid = name.sid
        self.attempt = name.attempt
        self.link: GatewayLink | None = link
        """None while it waits for another connection."""
        self.expiry: asyncio.TimerHandle | None = None
        """When it has waited long enough."""
        self.session = Session(protocol.now, relayed=link.relayed)
        self.tracks = CallTracks(self, self.sid, self.attempt, self.session, protocol)
        self.agent_call: AgentCall | None = None
        self.task: asyncio.Task[None] | None = None
        self.admitted = False
        self.stats: AgentStats | None = None
        """Its agent's."""
        self.over = False
        self.rest: asyncio.TimerHandle | None = None
        """Its reply is as far ahead as it may be; when it goes on."""
        self.farewell_by: float | None = None
        """Its last message waits for somebody who wants it; until when."""

    def touched(self) -> None:
        """The agent has said something."""
        if self.link is not None:
            self.link.touched(self)

    def voiced(self) -> None:
        """The agent has spoken."""
        link = self.link
        if link is not None and link.feeder is not None:
            link.feeder.add(self)

    def rested(self) -> None:
        """Its reply may be less far ahead now."""
        self.rest = None
        self.touched()

    @property
    def key(self) -> tuple[str, int]:
        return self.sid, self.attempt

    @property
    def deadline(self) -> float | None:
        return self.farewell_by if self.session.ended else self.session.deadline


def call_info(asked: messages.Open) -> CallInfo:
    return CallInfo(
        sid=asked.sid,
        direction=asked.direction,
        caller=asked.caller,
        called=asked.called,
        headers=dict(asked.headers),
        codec=asked.codec,
        input_rate_hz=asked.input_rate_hz,
        output_rate_hz=asked.output_rate_hz,
        greeting=asked.greeting,
        greets_first=asked.greets_first,
    )
