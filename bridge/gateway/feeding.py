"""Which call's voice leaves next: by priority, and among those of the same all in turn; a reply's
first frame ahead, and few at a time."""

import asyncio
from collections.abc import Collection
from typing import Protocol

from bridge.gateway.agent import AgentCall
from bridge.gateway.call_tracks import CallTracks
from bridge.gateway.session import Session
from bridge.quic.datagram import ORDINARY
from bridge.wire.limits import MAX_AUDIO_BACKLOG
from bridge.wire.moqt_protocol import MoqtProtocol
from bridge.wire.sockets import PACKET_BYTES

QUEUED_DATAGRAMS = 64
"""Frames given to QUIC at a time; the rest waits in its call, where a cancel can drop it."""
QUEUED_SECS = 0.05
"""Fewer, if the path would take longer for them: what is said in the next moment waits behind."""
QUEUED_LEAST = 8
QUEUED_MOST = 4 * QUEUED_DATAGRAMS
"""Of calls of all priorities: what waits of a lower one takes no room from a higher one."""
STREAM_LEAST = 2400
"""Bytes of a call's voice on streams that may be under way at any rate."""
FIRST_ROOM = 10 * PACKET_BYTES
"""Of all calls, while nothing is known of the path: QUIC's first window."""
FAR_AHEAD_SECS = 1.0
"""How often a reply that is as far ahead as it may be goes on."""


class Speaker(Protocol):
    """A call, as far as its voice goes."""

    session: Session
    tracks: CallTracks
    agent_call: AgentCall | None
    rest: asyncio.TimerHandle | None
    """Its reply is as far ahead as it may be; when it goes on."""

    def rested(self) -> None: ...


class Feeder:
    """Passes the frames of speaking calls to one connection's QUIC."""

    def __init__(self, protocol: MoqtProtocol) -> None:
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._calls: dict[Speaker, None] = {}
        """Those with audio to send, in the order of their turns."""
        self._starting: dict[Speaker, None] = {}
        """Those of them that begin a reply."""
        self._ranked = False
        """Some may go before others."""
        self._frame_bytes = PACKET_BYTES
        """Of a datagram, the last one's."""

    def add(self, call: Speaker) -> None:
        """The call has audio to send."""
        self._calls[call] = None
        if call.session.replies.starts:
            self._starting[call] = None
        track = call.tracks.audio_out
        if track is not None and track.rank != ORDINARY:
            self._ranked = True
        self._protocol.transmit_soon()

    def drop(self, call: Speaker) -> None:
        self._calls.pop(call, None)
        if self._starting:
            self._starting.pop(call, None)

    def feed(self) -> bool:
        """Pass frames of speaking calls to QUIC, one of each in turn; whether there may be more.

        The first of a reply does not wait for what other calls have to say."""
        if not self._calls:
            return False
        now, fed = self._loop.time(), False
        for call in list(self._starting):
            if call.tracks.may_speak and not call.tracks.voice_waits(MAX_AUDIO_BACKLOG):
                fed |= self._feed_one(call, now)
        if self._ranked:
            fed |= self._feed_by_rank(now)
        else:
            share = self._stream_room(len(self._calls))
            fed |= self._feed_in_turn(self._calls, ORDINARY, share, now)
        return fed and bool(self._calls)

    def _feed_by_rank(self, now: float) -> bool:
        fed, sharing = False, 0
        ranks = {call: call.tracks.rank for call in self._calls}
        self._ranked = any(rank != ORDINARY for rank in ranks.values())
        for rank in sorted(set(ranks.values())):
            calls = [call for call, its in ranks.items() if its == rank]
            sharing += len(calls)
            fed |= self._feed_in_turn(calls, rank, self._stream_room(sharing), now)
        return fed

    def _feed_in_turn(self, calls: Collection[Speaker], rank: int, share: int, now: float) -> bool:
        """One frame of each of these calls, as long as there is room."""
        fed, moved = False, True
        protocol = self._protocol
        while (
            moved
            and self._calls
            and protocol.queued_before(rank) < self._room()
            and protocol.queued_datagrams < QUEUED_MOST
        ):
            moved = False
            for call in list(calls):
                if call not in self._calls:
                    continue
                tracks, replies = call.tracks, call.session.replies
                if not tracks.may_speak:
                    self.drop(call)
                elif replies.is_ahead and replies.far_ahead(now):
                    self.drop(call)
                    if call.rest is None:
                        call.rest = self._loop.call_later(FAR_AHEAD_SECS, call.rested)
                elif not tracks.voice_waits(share):
                    moved = True
                    fed |= self._feed_one(call, now)
        return fed

    def _room(self) -> int:
        """How many datagrams may wait in QUIC."""
        carried = self._protocol.carries(QUEUED_SECS)
        if not carried:
            return QUEUED_DATAGRAMS
        return min(QUEUED_DATAGRAMS, max(QUEUED_LEAST, carried // self._frame_bytes))

    def _stream_room(self, sharing: int) -> int:
        """The same in bytes for each of so many calls whose voice goes to streams."""
        # What is under way is twice what the path holds while its rate is being found.
        carried = self._protocol.carries(2 * self._protocol.rtt + QUEUED_SECS)
        share = (carried or FIRST_ROOM) // max(1, sharing)
        return min(MAX_AUDIO_BACKLOG, max(STREAM_LEAST, share))

    def _feed_one(self, call: Speaker, now: float) -> bool:
        session, tracks, agent_call = call.session, call.tracks, call.agent_call
        leaving = session.next_frame(now)
        more = False
        if leaving is not None:
            frame, first, repair_secs, more = leaving
            if first:
                self._starting.pop(call, None)
            datagram = tracks.send_frame(frame)
            if datagram is not None:
                self._frame_bytes = len(datagram)
                track = tracks.audio_out
                assert track is not None
                self._protocol.queue_datagram(
                    datagram,
                    track=call,
                    repair_secs=repair_secs,
                    twice=first,
                    rank=tracks.first_rank if first else track.rank,
                    expires_secs=track.datagram_timeout,
                )
        if not more:
            self.drop(call)
            if not session.replies.speaking:
                tracks.end_voice()
                tracks.send_messages()
        if agent_call is not None and agent_call.crowded:
            agent_call.drained()
        return leaving is not None
