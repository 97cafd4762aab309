"""A phone for the demo, tests and benchmarks: places one call at a time, says what it is told to.

    async with Phone() as phone:
        outcome = await phone.call("sip:+15551234567@127.0.0.1:5060", talk)
        phone.record.heard  # int16[n], what the agent said

`talk` takes each 20 ms frame heard and gives the one to say; it may call `phone.hang_up()`.
"""

import asyncio
from collections.abc import Callable

import numpy as np

from sip_plugin.demo.echo import PhoneLine
from sip_plugin.demo.handset import Handset, Talk
from sip_plugin.demo.measure import CallRecord, Outcome
from sip_plugin.media.description import PhoneCodec
from sip_plugin.sip.agent import AccountOptions, AgentOptions, UserAgent
from sip_plugin.sip.events import Confirmed, Ended, Event, LocalMedia, MediaChanged, MediaRefused

RING_SECS = 30.0
"""The phone gives up on a call that is not answered for so long."""


class Phone:
    """A SIP user agent with a handset. One a process, since the SIP stack is one a process."""

    def __init__(
        self,
        on_event: Callable[[Event], None] = lambda event: None,
        *,
        number: str = "caller",
        address: str = "127.0.0.1",
        codecs: tuple[PhoneCodec, ...] = (PhoneCodec.ULAW, PhoneCodec.ALAW),
        line: PhoneLine | None = None,
    ) -> None:
        """`line`: returns the agent's voice, as a raw phone leg does; none is a clean one."""
        self._line = line
        self._on_event = on_event
        self._number, self._address, self._codecs = number, address, codecs
        self._agent = UserAgent(
            AgentOptions(bind_address=address, user_agent="sip-plugin-demo-phone"), self._on_sip
        )
        self._handset: Handset | None = None
        self._sid = ""
        self._answered = False
        self._ended: asyncio.Future[Outcome] | None = None

    async def __aenter__(self) -> "Phone":
        """Raises StackError when SIP cannot start."""
        await self._agent.start()
        self._agent.add_account(
            AccountOptions("phone", f"sip:{self._number}@{self._address}:{self._agent.port}")
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._handset is not None:
            self._handset.close()
        await self._agent.close()

    @property
    def sip_port(self) -> int:
        return self._agent.port

    async def call(self, uri: str, talk: Talk, ring_secs: float = RING_SECS) -> Outcome:
        """Dial, talk, and return when the call is over.

        Raises StackError, OSError, and whatever `talk` raises.
        """
        self._handset = Handset(
            self._guarded(talk), self._address, self._line.echo() if self._line else None
        )
        self._answered = False
        self._ended = asyncio.get_running_loop().create_future()
        local = LocalMedia(self._handset.address, self._handset.port, self._codecs)
        self._sid = self._agent.call("phone", uri, local)
        ringing = asyncio.get_running_loop().call_later(ring_secs, self._give_up)
        try:
            return await self._ended
        finally:
            ringing.cancel()
            self.hang_up()
            self._handset.close()

    def hang_up(self) -> None:
        """Ends the call; harmless when it has ended."""
        self._agent.hangup(self._sid)

    @property
    def record(self) -> CallRecord:
        """The call so far, or the last one."""
        assert self._handset is not None, "no call was placed yet"
        return self._handset.record()

    @property
    def began_unix(self) -> float:
        """Unix time at 0 of the record's sample clock."""
        assert self._handset is not None, "no call was placed yet"
        return self._handset.began_unix

    def _guarded(self, talk: Talk) -> Talk:
        """The same, but a fault of it ends the call instead of the clock that it runs in."""

        def guarded(heard: np.ndarray) -> np.ndarray:
            assert self._ended is not None
            try:
                return talk(heard)
            except Exception as error:
                if not self._ended.done():
                    self._ended.set_exception(error)
                return np.zeros_like(heard)

        return guarded

    def _give_up(self) -> None:
        if not self._answered:
            self.hang_up()

    def _on_sip(self, event: Event) -> None:
        assert self._handset is not None and self._ended is not None
        match event:
            case MediaChanged(media=media):
                self._handset.begin(media)
            case MediaRefused():
                self.hang_up()
            case Confirmed():
                self._answered = True
            case Ended(code=code, reason=reason, by_us=by_us):
                self._handset.close()
                if not self._ended.done():
                    self._ended.set_result(Outcome(self._answered, by_us, code, reason))
        self._on_event(event)
