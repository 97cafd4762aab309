"""A SIP user agent: signalling by pjsua2, media on ports that its user brings.

All of pjsua2 runs in the thread of the event loop: it is polled, so no callback arrives in a
foreign thread, and is never asked anything from inside one of its callbacks.
One `UserAgent` a process, since the stack is a global of the process.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Sequence

import pjsua2 as pj

from sip_plugin.media.description import PhoneCodec
from sip_plugin.sip import allowed_methods
from sip_plugin.sip.afterwards import Afterwards
from sip_plugin.sip.dialogs import exists
from sip_plugin.sip.errors import StackError
from sip_plugin.sip.events import (
    Accept,
    ConnectionLost,
    Ended,
    Event,
    Invite,
    LocalMedia,
    Referred,
    Refuse,
    Replacing,
)
from sip_plugin.sip.notify_refusals import NotifyRefusals
from sip_plugin.sip.pj_account import AccountOptions, PjAccount
from sip_plugin.sip.pj_call import PjCall
from sip_plugin.sip.pj_endpoint import AgentOptions, Endpoint, bound_port, open_endpoint
from sip_plugin.sip.probes import ProbeAnswers
from sip_plugin.sip.referring import Replaced
from sip_plugin.sip.replaces_hider import ReplacesHider
from sip_plugin.sip.sids import new_sid
from sip_plugin.sip.stack_module import StackModule
from sip_plugin.sip.strays import Strays

POLL_SECS = 0.005
"""How often the stack is looked after; a poll costs 2 microseconds."""
POLL_BATCH = 64
"""Events of the stack handled before others of the process get their turn."""

LOST_ROUNDS = 4
"""Of polls, until calls that were not answered yet are looked at."""

log = logging.getLogger(__name__)

Decision = Accept | Refuse


def refuse_refer(referred: Referred) -> int:
    return 603


def refuse_all(invite: Invite) -> Decision:
    return Refuse(403, "Forbidden")


class UserAgent:
    """Calls and registrations as events in and methods out.

    `on_event` gets every `Event`; `on_invite` decides about each inbound INVITE at once, since the
    stack writes its SDP right after, and `on_refer` names the code for a REFER within a call. None
    may block; they may call methods, which take effect once the stack has returned. Methods raise
    StackError when the stack refuses, and do nothing for a sid that has ended.
    """

    def __init__(
        self,
        options: AgentOptions,
        on_event: Callable[[Event], None],
        on_invite: Callable[[Invite], Decision] = refuse_all,
        on_refer: Callable[[Referred], int] = refuse_refer,
        account_of: Callable[[str, str], str] = lambda address, called: "",
        retry_after_secs: Callable[[], int] = lambda: 0,
    ) -> None:
        """`account_of` names the account of a call from `address` to the user `called`; empty
        leaves it to the stack. `retry_after_secs` tells those who ask by OPTIONS when to come
        back; 0: come.
        """
        self.options = options
        self.port = 0
        """UDP port that SIP listens on, once started."""
        self._on_invite = on_invite
        self._on_refer = on_refer
        self._name_account_of = account_of
        self._modules: tuple[StackModule, ...] = (
            Strays(lambda address: account_of(address, "") != ""),
            NotifyRefusals(),
            ProbeAnswers(retry_after_secs),
            ReplacesHider(),
        )
        self._endpoint: Endpoint | None = None
        self._accounts: dict[str, PjAccount] = {}
        self._calls: dict[str, PjCall] = {}
        self._graveyard: list[PjCall] = []
        self._afterwards = Afterwards(on_event)
        self._rounds = 0
        self._poller: asyncio.Task[None] | None = None

    # --- life --------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind and begin to poll. Raises StackError, for instance when the port is taken."""
        self._endpoint = open_endpoint(
            self.options, self.emit, self._connection_lost, self._account_of
        )
        for module in self._modules:
            module.install()
        allowed_methods.leave_out_refused()
        self.port = bound_port(self._endpoint)
        self._poller = asyncio.create_task(self._poll(), name="sip poll")

    async def close(self, timeout_secs: float = 2.0) -> None:
        """BYE to every call, unregister, and wait for the answers, no longer than the timeout."""
        if self._endpoint is None:
            return
        for sid in list(self._calls):
            self.hangup(sid, 503, "Service Unavailable")
        for account in self._accounts.values():
            account.unregister()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_secs
        while loop.time() < deadline and not self._is_quiet():
            await asyncio.sleep(0.02)
            for account in self._accounts.values():
                account.unregister()  # again, where a refresh was under way
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
        self._destroy()

    def _is_quiet(self) -> bool:
        return not self._calls and not any(a.is_registered for a in self._accounts.values())

    def _destroy(self) -> None:
        """In this order, and collected before the library goes: anything left alive aborts."""
        self._graveyard.clear()
        # Emptied as they go: the last one of a loop would stay alive in its variable.
        while self._calls:
            self._calls.popitem()[1].forget()
        while self._accounts:
            self._accounts.popitem()[1].shutdown()
        gc.collect()
        assert self._endpoint is not None
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
        self._endpoint = None
        gc.collect()

    async def _poll(self) -> None:
        """Look after the stack on an absolute clock; missed rounds are left out, not made up."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.handle_events()
            due = max(due + POLL_SECS, loop.time())
            await asyncio.sleep(due - loop.time())

    def handle_events(self) -> None:
        """One round: let the stack work, then do and deliver what came of it."""
        assert self._endpoint is not None
        for _ in range(POLL_BATCH):
            self._afterwards.in_stack = True
            try:
                handled = self._endpoint.libHandleEvents(0)
            finally:
                self._afterwards.in_stack = False
            self._afterwards.do()
            self._afterwards.deliver()
            self._graveyard.clear()
            if handled <= 0:
                break
        self._rounds += 1
        if self._rounds % LOST_ROUNDS == 0:
            self._look_for_lost_calls()

    def _look_for_lost_calls(self) -> None:
        """A hostile INVITE can end in the stack after it was taken, and nobody is told of it.

        Its object must go before the stack gives its number to another call, which would be the
        one that is hung up with it.
        """
        for call in [call for call in self._calls.values() if call.is_lost()]:
            log.warning("call %s was dropped by the SIP stack", call.sid)
            call.lose()
        self._afterwards.deliver()
        self._graveyard.clear()

    # --- accounts ----------------------------------------------------------------------

    def own_listener(self, account: str) -> int | None:
        """The stack's number of the listener that is of this account alone."""
        assert self._endpoint is not None
        return self._endpoint.transport_of.get(account)

    def port_of(self, transport: str) -> int:
        """Where a transport listens, once started; 0 when it does not."""
        if transport == "udp":
            return self.port
        found = [
            at.port for at in self.options.listeners if at.transport == transport and not at.trunk
        ]
        return found[0] if found else 0

    def add_account(self, options: AccountOptions) -> None:
        """An identity for calls; it does not register before `register` asks for it."""
        account = PjAccount(self, options)
        account.open()
        self._accounts[options.name] = account

    def change_account(self, options: AccountOptions) -> None:
        """New options for the account of that name. Raises StackError."""
        self._accounts[options.name].change(options)

    @property
    def transports(self) -> frozenset[str]:
        """What requests can be sent by."""
        return frozenset({"udp"} | {listener.transport for listener in self.options.listeners})

    def register(self, account: str) -> None:
        """Send REGISTER now; `RegistrationChanged` follows. Refreshes are the stack's."""
        self._accounts[account].register()

    def unregister(self, account: str) -> None:
        self._accounts[account].unregister()

    def _account_of(self, address: str, called: str) -> int:
        account = self._accounts.get(self._name_account_of(address, called))
        return account.getId() if account is not None else -1

    def _connection_lost(self, handle: int, reason: str) -> None:
        for account in self._accounts.values():
            if account.connection == handle:
                account.connection = 0
                self.emit(ConnectionLost(account.options.name, reason))

    # --- calls -------------------------------------------------------------------------

    @property
    def sids(self) -> list[str]:
        """Calls that have not ended."""
        return list(self._calls)

    def call(
        self,
        account: str,
        uri: str,
        local: LocalMedia,
        sid: str = "",
        headers: Sequence[tuple[str, str]] = (),
        local_uri: str = "",
    ) -> str:
        """Send an INVITE; returns the call's sid, by which its events name it.

        `local_uri` goes into From instead of the account's own.
        """
        if account not in self._accounts:
            raise StackError(f"cannot call {uri}: trunk {account} is not ready yet")
        sid = sid or new_sid()
        call = PjCall(self, self._accounts[account], sid, local)
        self._calls[sid] = call
        try:
            call.dial(uri, headers, local_uri)
        except pj.Error as error:
            self.bury(call)
            raise StackError(f"cannot call {uri}: {error.reason}") from error
        return sid

    def answer(
        self, sid: str, code: int, reason: str = "", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Answer an inbound call: 180, 200, or a refusal."""
        self._with(sid, lambda call: call.reply(code, reason, headers))

    def hangup(
        self, sid: str, code: int = 0, reason: str = "", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """BYE, CANCEL or a final answer, whichever the call's state asks for.

        `code` and `reason` are the answer to an INVITE that is not answered yet (0: 603);
        `headers` go into the request or answer, such as Reason (RFC 3326).
        """
        self._with(sid, lambda call: call.end(code, reason, headers))

    def hold(self, sid: str) -> None:
        """`MediaChanged` follows, or `OfferRefused`."""
        self._with(sid, PjCall.put_on_hold)

    def unhold(self, sid: str) -> None:
        self._with(sid, PjCall.take_off_hold)

    def press(self, sid: str, key: str) -> None:
        """A key by SIP INFO."""
        self._with(sid, lambda call: call.press(key))

    def transfer(self, sid: str, target: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Blind transfer (REFER); `TransferProgress` events follow."""
        self._with(sid, lambda call: call.refer(target, headers))

    def notify(self, sid: str, event: str, code: int, reason: str, final: bool) -> None:
        """Tell the far side how the call goes that it asked for by REFER."""
        self._with(sid, lambda call: call.notify(event, code, reason, final))

    def connect(self, sid: str, other: str) -> None:
        """Have the far sides of two calls speak with each other (REFER with Replaces)."""
        if (target := self._calls.get(other)) is None:
            raise StackError(f"call {other} is gone")
        self._with(sid, lambda call: call.refer_to_call(target))

    def _with(self, sid: str, act: Callable[[PjCall], None]) -> None:
        def task() -> None:
            # Looked up when it is done: a call is not there before its INVITE was decided about.
            if call := self._calls.get(sid):
                act(call)

        self._afterwards.soon(task)

    # --- for the stack's objects -------------------------------------------------------

    @property
    def latest_sdp(self) -> str:
        """The session description that came in last."""
        return self._endpoint.guard.latest if self._endpoint else ""

    def emit(self, event: Event) -> None:
        """Queue an event; it is delivered after the stack's callback has returned."""
        self._afterwards.emit(event)

    def later(self, task: Callable[[], None]) -> None:
        """Run after the stack's callback has returned."""
        self._afterwards.later(task)

    def in_secs(self, secs: float, task: Callable[[], None]) -> None:
        """Run later, while the stack is there."""

        def run() -> None:
            if self._endpoint is not None:
                task()

        asyncio.get_running_loop().call_later(secs, run)

    def decide(self, invite: Invite) -> Decision:
        """What came before the INVITE is known first: one call's end may be another's place."""
        self._afterwards.deliver()
        return self._on_invite(invite)

    def asked_to_refer(self, referred: Referred) -> int:
        """The code that a REFER is answered with."""
        self._afterwards.deliver()
        return self._on_refer(referred)

    def leg_of(self, replaced: Replaced) -> Replacing:
        """The call whose dialog an INVITE wants to replace."""
        named = [call for call in self._calls.values() if call.dialog_id == replaced.call_id]
        tags = (replaced.local_tag, replaced.remote_tag)
        # Another caller may have chosen the same Call-ID: then nobody can tell which is meant.
        if len(named) != 1 or not named[0].confirmed or not exists(replaced.call_id, *tags):
            return Replacing(code=481, why="Replaces names no call that stands")
        if replaced.early_only:
            return Replacing(code=486, why="the call that it would replace is answered")
        return Replacing(named[0].sid)

    def adopt(self, call: PjCall) -> None:
        self._calls[call.sid] = call

    def bury(self, call: PjCall) -> None:
        """Keep an ended call's object until no callback of it can be on the stack."""
        self._calls.pop(call.sid, None)
        self._graveyard.append(call)


__all__ = [
    "Accept",
    "AccountOptions",
    "AgentOptions",
    "Ended",
    "LocalMedia",
    "PhoneCodec",
    "Refuse",
    "StackError",
    "UserAgent",
    "new_sid",
]
