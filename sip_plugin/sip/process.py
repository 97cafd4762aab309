"""The SIP process: carries out what the cores decide, and brings them what happens."""

import asyncio
import gc
import logging
from functools import partial
from pathlib import Path

from sip_plugin.config import Config
from sip_plugin.planes.messages import (
    CallEvent,
    CallReport,
    Drain,
    Hangup,
    Hello,
    HoldCall,
    Message,
    ModelLink,
    OfferLeases,
    Originate,
    Reconfigure,
    WorkerState,
)
from sip_plugin.sip import stack_settings
from sip_plugin.sip.accounts import TrunkAccounts
from sip_plugin.sip.actions import (
    Action,
    Answer,
    Dial,
    HangUp,
    Hold,
    Notify,
    PressKey,
    Refer,
    Tell,
    ToWorker,
)
from sip_plugin.sip.admission import number
from sip_plugin.sip.agent import AgentOptions, Decision, UserAgent
from sip_plugin.sip.build import REMEDY, account_shortage, ipv6_shortage, tls_shortage
from sip_plugin.sip.callcontrol import CallControl
from sip_plugin.sip.errors import StackError
from sip_plugin.sip.events import Event, Invite, Referred
from sip_plugin.sip.leases import LeasePool
from sip_plugin.sip.listening import address_towards, listeners, tls_options
from sip_plugin.sip.names import Names, name_servers
from sip_plugin.sip.plane_server import PlaneServer
from sip_plugin.sip.reconfiguring import Reconfiguring
from sip_plugin.sip.sdp import version_of
from sip_plugin.sip.telling import Telling
from sip_plugin.sip.trunks import Trunks

TICK_SECS = 0.1
COLLECT_TICKS = 100
CLOSE_SECS = 3.0
"""BYE and REGISTER at the end may take so long."""

log = logging.getLogger(__name__)


class SipProcess:
    def __init__(self, config: Config, run_dir: Path) -> None:
        self._config = config
        self._run_dir = run_dir
        self._trunks = Trunks(config.trunks)
        self._pool = LeasePool()
        self._planes = PlaneServer(self._joined, self._left, self._received)
        self._workers: dict[str, WorkerState] = {}
        self._telling = Telling(partial(self._planes.send_all, "supervisor"))
        self._reconfiguring = Reconfiguring(
            self._take_over, partial(self._planes.send, "supervisor")
        )
        ways = [trunk.proxy or trunk.domain for trunk in config.trunks.values()]
        servers = name_servers(config.sip.nameservers, ways)
        options = AgentOptions(
            bind_address=config.sip.bind_host,
            port=config.sip.bind_port,
            public_address=config.sip.public_address,
            user_agent=config.sip.user_agent,
            max_calls=config.sip.max_calls or stack_settings.ANY_CALLS,
            nameservers=servers,
            listeners=listeners(config),
            tls=tls_options(config.sip.tls),
        )
        self._agent = UserAgent(
            options,
            self._on_event,
            self._on_invite,
            self._on_refer,
            self._trunks.account_of,
            self._retry_after_secs,
        )
        names = Names(servers, version_of(config.sip.bind_host))
        self._accounts = TrunkAccounts(
            self._agent, self._trunks, names, partial(self._planes.send_all, "supervisor")
        )
        self._control: CallControl

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`. Raises StackError or OSError when the sockets cannot be had."""
        self._loop = asyncio.get_running_loop()
        # Names are looked up in threads: a collection that ran there would end objects of the
        # stack in a thread that it does not know, and abort the process.
        gc.disable()
        if shortage := account_shortage(len(self._config.trunks)):
            raise StackError(shortage)
        if ":" in self._config.sip.bind_host and (shortage := ipv6_shortage()):
            raise StackError(shortage)
        self._check_tls()
        await self._agent.start()
        most = self._most_calls()
        self._control = CallControl(self._config, self._trunks, self._pool, address_towards, most)
        self._accounts.open()
        await self._planes.start(self._run_dir / "plane.sock")
        log.info("SIP on %s:%d", self._config.sip.bind_host, self._agent.port)
        gc.freeze()
        ticking = asyncio.create_task(self._tick(), name="sip tick")
        await stop.wait()
        await self._close(ticking)

    def _check_tls(self) -> None:
        """Raises StackError when the stack cannot do what the listeners ask for."""
        options = self._agent.options
        secure = [at.tls or options.tls for at in options.listeners if at.transport == "tls"]
        if not secure:
            return
        shortage, warning = tls_shortage(max(tls.min_version for tls in secure))
        if shortage:
            raise StackError(shortage)
        if warning:
            log.warning("%s", warning)

    def _most_calls(self) -> int:
        """What the configuration asks for, as far as the stack and the ports have room for it."""
        asked = self._config.sip.max_calls
        most = stack_settings.most_calls(asked)
        if asked == 0:
            most = min(most, self._config.media.port_pairs)
            log.info("room for %d calls", most)
        elif most < asked:
            log.warning(
                "sip.max_calls = %d is clipped to %d, which is what this pjsua2 has room for; %s",
                asked,
                most,
                REMEDY,
            )
        return most

    async def _close(self, ticking: "asyncio.Task[None]") -> None:
        self._accounts.stop()
        self._carry_out(self._control.end_all(self._loop.time()))
        await self._agent.close(CLOSE_SECS)
        ticking.cancel()
        self._accounts.close()
        await self._planes.close()

    async def _tick(self) -> None:
        due = self._loop.time()
        ticks = 0
        while True:
            due = max(due + TICK_SECS, self._loop.time())
            await asyncio.sleep(due - self._loop.time())
            now = self._loop.time()
            self._carry_out(self._control.tick(now))
            self._accounts.tick(now)
            self._tell_workers()
            self._telling.tick(TICK_SECS)
            ticks += 1
            if ticks % COLLECT_TICKS == 0:
                gc.collect()

    # --- calls -----------------------------------------------------------------------------

    def _on_invite(self, invite: Invite) -> Decision:
        decision, actions = self._control.invite(invite, self._loop.time())
        self._carry_out(actions)
        return decision

    def _on_refer(self, referred: Referred) -> int:
        code, actions = self._control.referred(referred, self._loop.time())
        self._agent.later(lambda: self._carry_out(actions))  # it has not been answered yet
        return code

    def _account_of(self, address: str, called: str) -> str:
        return self._trunks.account_of(address, number(called))

    def _retry_after_secs(self) -> int:
        return self._control.retry_after_secs

    def _on_event(self, event: Event) -> None:
        now = self._loop.time()
        if not self._accounts.on_event(event, now):
            self._carry_out(self._control.on_event(event, now))

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            try:
                self._do(action)
            except StackError as error:
                log.warning("%s", error)
                self._carry_out(self._consequences(action, str(error)))

    def _do(self, action: Action) -> None:
        match action:
            case Answer(sid, code, headers):
                self._agent.answer(sid, code, headers=headers)
            case Dial(sid, trunk, uri, local, local_uri, headers):
                self._agent.call(trunk, uri, local, sid, headers, local_uri)
            case HangUp(sid, code, reason, headers):
                self._agent.hangup(sid, code, reason, headers)
            case Hold(sid, True):
                self._agent.hold(sid)
            case Hold(sid):
                self._agent.unhold(sid)
            case PressKey(sid, key):
                self._agent.press(sid, key)
            case Refer(sid, target, "", headers):
                self._agent.transfer(sid, target, headers)
            case Refer(sid, _, replaces):
                self._agent.connect(sid, replaces)
            case Notify(sid, event, code, reason, final):
                self._agent.notify(sid, event, code, reason, final)
            case ToWorker(worker, message):
                self._planes.send("worker", worker, message)
            case Tell(message):
                self._telling.tell(message)

    def _consequences(self, failed: Action, reason: str) -> list[Action]:
        match failed:
            case Answer(sid=sid) | Dial(sid=sid):
                return self._control.stack_refused(sid, reason, self._loop.time())
            case Hold(sid=sid):
                return self._control.offer_not_sent(sid, self._loop.time())
            case Refer(sid=sid):
                return self._control.transfer_not_sent(sid, reason, self._loop.time())
        return []

    # --- planes ----------------------------------------------------------------------------

    def _joined(self, hello: Hello) -> None:
        if hello.role == "worker":
            self._pool.join(hello.name)
            log.info("%s joined (pid %d)", hello.name, hello.pid)
            return
        for state in (
            *self._accounts.states(),
            *self._workers.values(),
            *self._control.states(),
        ):
            self._planes.send("supervisor", hello.name, state)

    def _left(self, hello: Hello) -> None:
        if hello.role == "supervisor":
            self._reconfiguring.clear()
        if hello.role == "worker":
            log.warning("%s left", hello.name)
            self._carry_out(self._control.worker_lost(hello.name, self._loop.time()))

    def _received(self, hello: Hello, message: Message) -> None:
        now = self._loop.time()
        if hello.role == "worker":
            match message:
                case OfferLeases(leases=leases):
                    self._pool.offer(hello.name, leases)
                case ModelLink(connected=connected):
                    self._pool.model_link(hello.name, connected)
                case CallEvent() | CallReport():
                    self._planes.send_all("supervisor", message)
                case _:
                    self._carry_out(self._control.on_message(hello.name, message, now))
            return
        match message:
            case Originate():
                self._carry_out(self._control.originate(message, now))
            case Hangup():
                self._carry_out(self._control.hangup(message, now))
            case HoldCall():
                self._carry_out(self._control.hold(message, now))
            case Drain(retry_after_secs=retry_after_secs):
                log.info("draining: new calls are refused")
                self._control.drain(retry_after_secs)
            case Reconfigure():
                self._reconfiguring.take(hello.name, message)
            case _:
                log.error("supervisor sent an unexpected %s", type(message).__name__)

    def _take_over(self, config: Config) -> None:
        self._config = config
        self._control.reconfigure(config)

    def _tell_workers(self) -> None:
        """Tell what changed since the last tick."""
        present = set(self._pool.workers)
        for name in present | set(self._workers):
            calls, leases = self._pool.count(name) if name in present else (0, 0)
            state = WorkerState(name=name, connected=name in present, calls=calls, leases=leases)
            if self._workers.get(name) != state:
                self._workers[name] = state
                self._planes.send_all("supervisor", state)
