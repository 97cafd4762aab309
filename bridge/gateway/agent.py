"""What an agent is: a coroutine that takes a call, reads its events and speaks."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bridge import codec
from bridge.agent import TOOLS
from bridge.codec import CodecError, CodecName
from bridge.gateway.events import AgentEvent, CallerAudio, Cancelled, Committed, Ended
from bridge.gateway.latency import Latency
from bridge.gateway.session import Session
from bridge.wire import control, messages

MAX_UNREAD = 1000
"""Events that an agent may leave unread: 20 s of audio. Older audio is dropped."""
MAX_UNREAD_CONTROL = 500
"""Events other than audio among them; an agent that leaves more has failed."""
BACKLOG_MS = 2000
"""Audio that may wait for the path before `send` waits for it."""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What the plugin says of a call. `sid` is the same on both ends. Rates in Hz."""

    sid: str
    direction: str
    caller: str
    called: str
    headers: dict[str, str]
    codec: CodecName
    """Of the bytes on the wire; an agent need not know it."""
    input_rate_hz: int
    output_rate_hz: int
    greeting: str
    greets_first: bool

    @property
    def tools(self) -> frozenset[str]:
        """What the plugin lets the agent do to the call, of `hangup`, `transfer`, `send_dtmf` and
        `hold`: the header `tools`; without it all."""
        told = self.headers.get("tools")
        return frozenset(TOOLS if told is None else told.split()) & frozenset(TOOLS)


class CallFailed(Exception):
    """Raised by an agent: the call fails with this code (a-z and _) and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class AgentCall:
    """One call, as an agent sees it.

    Iterate over it for the events; the iteration ends when the call is over. Audio is mono PCM16:
    in at `info.input_rate_hz`, out at `info.output_rate_hz`.
    """

    def __init__(
        self,
        info: CallInfo,
        session: Session,
        touched: Callable[[], None],
        accept: Callable[[dict[str, str]], None],
        voiced: Callable[[], None] | None = None,
        first_audio: Latency | None = None,
    ) -> None:
        """Calls `touched` when there may be something to say, `voiced` (if not the same) when there
        is audio, and `accept` when the agent takes the call. `first_audio` is told how long after
        each commit the agent speaks."""
        self.info = info
        self.dropped_events = 0
        self.malformed_frames = 0
        """Audio that is not of the call's codec."""
        self._sample_bytes = 2 if info.codec == "pcm16" else 1
        self._decoder = (
            codec.decoder(info.codec, info.input_rate_hz) if info.codec == "opus" else None
        )
        """Of a codec that must be given every frame; others decode when the agent asks."""
        self._accept = accept
        self._session = session
        self._touched = touched
        self._voiced = voiced or touched
        self._first_audio = first_audio
        self._asked: tuple[int, float] | None = None
        """The turn that waits for the agent's voice, and since when."""
        self._unread: deque[AgentEvent] = deque()
        self._unread_control = 0
        self._waiter: asyncio.Future[None] | None = None
        """Of the agent, while it has read everything."""
        self._room = asyncio.Event()
        self.crowded = False
        """The agent waits for the path to take its voice; call `drained` when it has."""

    async def __aiter__(self) -> AsyncIterator[AgentEvent]:
        unread, make_future = self._unread, asyncio.get_running_loop().create_future
        while True:
            while not unread:
                self._waiter = waiter = make_future()
                await waiter
            event = unread.popleft()
            if not isinstance(event, CallerAudio):
                self._unread_control -= 1
            yield event
            if isinstance(event, Ended):
                return

    def accept(self, sip_headers: dict[str, str] | None = None) -> None:
        """Take the call: the phone may be answered, with these headers. Only for an agent that has
        the attribute `accepts_calls`; for all others the gateway does it.

        Headers, here and below, are at most 8, with one line of at most 256 characters each, else
        ValueError is raised; the plugin sends those that its configuration lists.
        """
        self._accept(sip_headers or {})

    def may_speak(self, turn: int) -> bool:
        """Whether audio for `turn` still goes out: it was committed and not cancelled since."""
        return self._session.may_speak(turn)

    async def send(self, pcm: npt.NDArray[np.int16], turn: int) -> bool:
        """Speak: any length of audio of the reply to `turn` (0: the greeting).

        May be as fast as the agent likes: waits while more than two seconds have not left yet.
        Returns False when it was thrown away, since the caller has interrupted or the call is
        over; then stop.
        """
        if not self._session.speak(turn, pcm.astype("<i2", copy=False).tobytes()):
            return False
        return self._spoken(turn) or await self._room_for(turn)

    async def send_encoded(self, data: bytes, turn: int) -> bool:
        """The same for G.711 bytes on a call of that codec: they reach the plugin untouched.
        Raises ValueError on other calls."""
        if self.info.codec not in codec.G711:
            raise ValueError(f"the call's codec is {self.info.codec}: use send")
        if not self._session.speak_encoded(turn, data):
            return False
        return self._spoken(turn) or await self._room_for(turn)

    def _spoken(self, turn: int) -> bool:
        """Whether the agent may go on at once."""
        if self._asked is not None and self._asked[0] == turn:
            if self._first_audio is not None:
                self._first_audio.observe(time.monotonic() - self._asked[1])
            self._asked = None
        self._voiced()
        return self._session.replies.backlog_ms <= BACKLOG_MS

    async def _room_for(self, turn: int) -> bool:
        """Wait until the path has taken enough; whether the agent may go on then."""
        while self._session.replies.backlog_ms > BACKLOG_MS:
            self.crowded = True
            self._room.clear()
            await self._room.wait()
        return self._session.may_speak(turn)

    async def end(self, turn: int) -> None:
        """The reply to `turn` is complete."""
        self._session.end_reply(turn)
        self._touched()

    def transcript(self, role: str, text: str, turn: int, final: bool = True) -> None:
        """Tell the plugin what was said; `role` is `caller` or `agent`."""
        self._session.transcript(role, text, turn, final)
        self._touched()

    def hangup(self, reason: str = "", sip_headers: dict[str, str] | None = None) -> None:
        """Ask the plugin to hang up the phone, by a BYE with these headers. The call is over when
        the plugin says so."""
        self._session.hangup(reason, sip_headers)
        self._touched()

    def transfer(
        self, target: str, attended: bool = False, sip_headers: dict[str, str] | None = None
    ) -> None:
        """Ask the plugin to transfer the phone to `target`; `TransferProgress` tells how it goes.

        `attended`: the phone is put on hold and the target is called first, as another call to
        this agent, whose header `consultation_for` is this call's sid. There or here
        `complete_transfer` connects the two, and `cancel_transfer` takes the phone back.
        The headers are those of the REFER, or of the call to the target.
        """
        self._session.transfer(target, attended, sip_headers)
        self._touched()

    def complete_transfer(self) -> None:
        """Connect the phone with the target of the attended transfer."""
        self._session.tell(messages.CompleteTransfer())
        self._touched()

    def cancel_transfer(self) -> None:
        """Give the attended transfer up, and take the phone back."""
        self._session.tell(messages.CancelTransfer())
        self._touched()

    def hold(self, on: bool = True) -> None:
        """Ask the plugin to put the phone on hold, or to take it back; `Held` says when it is."""
        self._session.tell(messages.Hold(on=on))
        self._touched()

    def send_dtmf(self, digits: str) -> None:
        """Ask the plugin to press keys: 1 to 32 of `0-9A-D*#`. Raises ValueError for others."""
        self._session.tell(messages.SendDtmf(digits=digits))
        self._touched()

    def tool_called(self, name: str, arguments: str, turn: int) -> None:
        """Tell the plugin that the model called a function, with its arguments as JSON."""
        arguments = control.fitting(arguments, messages.MAX_ARGUMENTS)
        self._session.tell(messages.ToolCall(name=name[:128], arguments=arguments, turn=turn))
        self._touched()

    def used(
        self, turn: int, input_tokens: int, output_tokens: int, details: dict[str, int]
    ) -> None:
        """Tell the plugin what a reply cost."""
        known = [(name[:128], count) for name, count in details.items() if 0 <= count < 2**32]
        self._session.tell(
            messages.Usage(
                turn=turn,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                details=dict(known[: messages.MAX_USAGE_DETAILS]),
            )
        )
        self._touched()

    def notice(self, code: str, message: str = "") -> None:
        """Tell the plugin of something that went wrong, though the call goes on."""
        self._session.tell(messages.Notice(code=code, message=message[:512]))
        self._touched()

    # --- for the gateway ---------------------------------------------------------------------

    def put(self, event: AgentEvent) -> bool:
        """One more event for the agent; False when it has left too many unread."""
        if isinstance(event, CallerAudio):
            self.put_audio(event)
            return True
        self._unread_control += 1
        if isinstance(event, Committed):
            self._asked = event.turn, time.monotonic()
        elif isinstance(event, Cancelled):
            self._asked = None
        if self._unread_control > MAX_UNREAD_CONTROL:
            return False
        self._unread.append(event)
        self._wake()
        self._make_room()  # it may have thrown away what waits: a commit ends older replies
        return True

    def put_audio(self, frame: CallerAudio) -> None:
        """A frame of the caller for the agent."""
        if len(frame.payload) % self._sample_bytes:
            self.malformed_frames += 1
            return
        if self._decoder is not None:
            try:
                pcm = self._decoder.decode(frame.payload).tobytes()
            except CodecError:
                self.malformed_frames += 1
                return
            frame = frame._replace(decode=lambda _: pcm)
        unread = self._unread
        if len(unread) - self._unread_control >= MAX_UNREAD:
            self._drop_oldest_audio()
        unread.append(frame)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def finish(self, ended: Ended) -> None:
        """The call is over: the last event."""
        self._unread.append(ended)
        self._unread_control += 1
        self._wake()
        self._make_room()

    def drained(self) -> None:
        """The path took some of the agent's audio."""
        if self.crowded and self._session.replies.backlog_ms <= BACKLOG_MS:
            self._make_room()

    def _make_room(self) -> None:
        self.crowded = False
        self._room.set()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _drop_oldest_audio(self) -> None:
        for index, event in enumerate(self._unread):
            if isinstance(event, CallerAudio):
                del self._unread[index]
                self.dropped_events += 1
                return


Agent = Callable[[AgentCall], Awaitable[None]]
"""Returns when it is done with the call; the gateway then closes it if it is not over."""
