"""The trunks' accounts at the SIP stack: opened, registered and kept so, and told about."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

from sip_plugin.config.address import bracketed, split_host_port
from sip_plugin.planes.messages import TrunkState
from sip_plugin.sip.agent import AccountOptions, UserAgent
from sip_plugin.sip.errors import StackError
from sip_plugin.sip.events import ConnectionLost, Event, RegistrationChanged, TlsRefused
from sip_plugin.sip.names import Names
from sip_plugin.sip.registration import Registration, Step
from sip_plugin.sip.trunks import Trunk, Trunks

RESOLVE_SECS = 300.0
"""How often the addresses of a trunk's host are looked up again."""

log = logging.getLogger(__name__)


class TrunkAccounts:
    """`tell` gets every change of a trunk's state. Lives on one event loop, that of `open`."""

    def __init__(
        self, agent: UserAgent, trunks: Trunks, names: Names, tell: Callable[[TrunkState], None]
    ) -> None:
        self._agent = agent
        self._trunks = trunks
        self._names = names
        self._tell = tell
        self._registrations: dict[str, Registration] = {}
        self._lookups: dict[str, asyncio.Task[None]] = {}
        self._certificates_refused = 0
        self._open_accounts: set[str] = set()

    def open(self) -> None:
        """Once the stack runs. Raises StackError when it cannot have an account."""
        self._loop = asyncio.get_running_loop()
        for trunk in self._trunks:
            self._open(trunk)

    def states(self) -> Iterator[TrunkState]:
        """Of every trunk, now."""
        for trunk in self._trunks:
            registration = self._registrations.get(trunk.name)
            yield (
                registration.state
                if registration
                else TrunkState(name=trunk.name, state="ip_trunk")
            )

    def tick(self, now: float) -> None:
        """Call a few times a second."""
        for name, registration in self._registrations.items():
            self._step(name, registration.tick(now))

    def stop(self) -> None:
        """No more attempts to register."""
        for registration in self._registrations.values():
            registration.stop()

    def close(self) -> None:
        for task in self._lookups.values():
            task.cancel()

    def on_event(self, event: Event, now: float) -> bool:
        """False: it is about something else."""
        match event:
            case RegistrationChanged(account, code, reason, expires_secs, retry_after_secs):
                registration = self._registrations[account]
                step = registration.answered(code, reason, expires_secs, now, retry_after_secs)
                self._step(account, step)
            case ConnectionLost(account, reason):
                if registration := self._registrations.get(account):
                    self._step(account, registration.disconnected(reason, now))
            case TlsRefused(remote, reason):
                self._on_refused_certificate(remote, reason)
            case _:
                return False
        return True

    def _on_refused_certificate(self, remote: str, reason: str) -> None:
        self._certificates_refused += 1
        if self._certificates_refused & (self._certificates_refused - 1) == 0:
            log.warning(
                "TLS: the certificate of %s is not accepted: %s (%d so far). It must come from an "
                "authority in sip.tls.ca_file, and its name be the trunk's domain or proxy",
                *(remote, reason, self._certificates_refused),
            )

    def _account(self, trunk: Trunk) -> None:
        """Open the trunk's account, or have it go another way. Raises StackError."""
        config = trunk.config
        display = f'"{config.display_name}" ' if config.display_name else ""
        known = trunk.name in self._open_accounts
        take = self._agent.change_account if known else self._agent.add_account
        take(
            AccountOptions(
                name=trunk.name,
                uri=f"{display}<{trunk.uri_of(config.sip_username)}>",
                registrar=trunk.target_of("") if config.require_registration else "",
                proxy=trunk.proxy_uri,
                username=config.sip_username,
                password=config.sip_password.get_secret_value(),
                expires_secs=config.register_expires_secs,
                transport=trunk.transport,
                contact=self._contact(trunk),
                srtp=config.srtp,
                keep_alive_secs=config.keep_alive_secs,
            )
        )
        self._open_accounts.add(trunk.name)

    def _contact(self, trunk: Trunk) -> str:
        """URI at the trunk's own `public_address`; empty: as the transport has it."""
        own = trunk.config.tls
        port = own.listener("")[1] if own else self._agent.port_of(trunk.transport)
        if not trunk.config.public_address or not port:
            return ""
        return trunk.contact_at(f"{bracketed(trunk.config.public_address)}:{port}")

    def _open(self, trunk: Trunk) -> None:
        config = trunk.config
        if not trunk.is_chosen_by_records:
            self._account(trunk)
        if config.require_registration:
            registration = Registration(trunk.name, config.proxy or config.domain)
            self._registrations[trunk.name] = registration
            self._step(trunk.name, registration.start(self._loop.time()))
        else:
            sources = ", ".join(map(str, config.allow_from))
            log.info("trunk %s: calls are accepted from %s", trunk.name, sources)
            self._look_up(trunk, register=False)

    def _step(self, name: str, step: Step) -> None:
        trunk = self._trunks[name]
        if step.line:
            log.log(logging.WARNING if step.warning else logging.INFO, "%s", step.line)
        if step.state is not None:
            trunk.is_ready = step.state.state == "registered"
            self._tell(step.state)
        if step.register:
            self._look_up(trunk, register=True)

    def _look_up(self, trunk: Trunk, register: bool) -> None:
        """Find the trunk's addresses, by which its calls are known, then register."""
        if running := self._lookups.pop(trunk.name, None):
            running.cancel()
        self._lookups[trunk.name] = asyncio.create_task(self._resolve(trunk, register))

    async def _resolve(self, trunk: Trunk, register: bool) -> None:
        config = trunk.config
        way = config.proxy or config.domain
        while True:
            found: set[str] = set()
            problem = ""
            if trunk.is_chosen_by_records and (register or not config.require_registration):
                problem = await self._choose_way(trunk, way)
            target = trunk.sent_to or way
            for at in {config.domain, target}:
                try:
                    found |= set(await self._names.addresses(at, trunk.transport))
                except OSError as error:
                    if at == target:  # behind a proxy the domain needs no address
                        host, _ = split_host_port(at, 0)
                        problem = f"{host} cannot be resolved: {error.strerror}"
            if found:
                trunk.addresses = tuple(sorted(found))
            if register:
                register = False
                self._register(trunk, problem)
            await asyncio.sleep(RESOLVE_SECS)

    async def _choose_way(self, trunk: Trunk, at: str) -> str:
        """Ask the trunk's records for its transport; returns why that is of no use, or nothing."""
        known = trunk.name in self._open_accounts
        before = (trunk.way, trunk.sent_to)
        found = await self._names.way(at, self._agent.transports)
        if known and (found == before or not found[0].records):
            return ""  # where nothing is found now, nobody answers: not a reason for UDP
        trunk.way, trunk.sent_to = found
        try:
            self._account(trunk)
        except StackError as error:
            trunk.way, trunk.sent_to = before  # the stack keeps to it; next time it is tried anew
            if not trunk.config.require_registration:  # of others the state says it
                log.warning("trunk %s: not by %s: %s", trunk.name, found[0].transport, error)
            return str(error)
        to = trunk.way.records or "no records: its address"
        log.info("trunk %s: %s by %s (%s)", trunk.name, at, trunk.transport.upper(), to)
        if not trunk.config.require_registration:
            trunk.is_ready = True
        return ""

    def _register(self, trunk: Trunk, problem: str) -> None:
        registration = self._registrations[trunk.name]
        if not problem:
            with contextlib.suppress(KeyError):
                try:
                    self._agent.register(trunk.name)
                except StackError as error:
                    problem = str(error)
        if problem:
            self._step(trunk.name, registration.unresolved(problem, self._loop.time()))
