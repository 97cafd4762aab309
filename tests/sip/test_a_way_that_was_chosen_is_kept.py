"""A trunk whose transport its records choose, while names are looked up again and again."""

import asyncio

import pytest

from sip_plugin.config import TrunkConfig
from sip_plugin.sip.accounts import TrunkAccounts
from sip_plugin.sip.errors import StackError
from sip_plugin.sip.names import Names
from sip_plugin.sip.pj_account import AccountOptions
from sip_plugin.sip.trunks import Trunk, Trunks
from sip_plugin.sip.ways import Way
from tests.leg.virtual import simulate
from tests.peers.dns_server import DnsServer, check_dns_server

TLS, TCP = Way("tls", "_sips._tcp.provider.test"), Way("tcp", "_sip._tcp.provider.test")
NOTHING = Way()


class Answers(Names):
    """Answers one after the other; then it is silent."""

    def __init__(self, *ways: Way) -> None:
        super().__init__()
        self._ways = list(ways)
        self.told = asyncio.Event()

    async def way(self, at, supported):
        if not self._ways:
            self.told.set()
            await asyncio.Event().wait()
        return self._ways.pop(0), ""

    async def addresses(self, at, transport):
        return ["192.0.2.1"]


class Accounts:
    """What the SIP stack is told."""

    transports = frozenset({"udp", "tcp", "tls"})

    def __init__(self, refused: int = 0) -> None:
        """`refused`: how many changes the stack will not take."""
        self.by: list[str] = []
        self._refused = refused

    def add_account(self, options: AccountOptions) -> None:
        self.by.append(options.transport)

    def change_account(self, options: AccountOptions) -> None:
        if self._refused:
            self._refused -= 1
            raise StackError(f"account {options.name}: no transport")
        self.by.append(options.transport)

    def port_of(self, transport: str) -> int:
        return 5060


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        ((TLS, NOTHING, TLS), ["tls"]),
        ((TLS, NOTHING, TCP), ["tls", "tcp"]),
        ((NOTHING, NOTHING, TLS), ["udp", "tls"]),
    ],
)
def test_where_nothing_is_found_any_more_it_is_not_udp(found, taken):
    stack = Accounts()
    follow(found, stack)
    assert stack.by == taken


def test_a_way_that_the_stack_refuses_is_tried_again():
    stack = Accounts(refused=1)
    trunk = follow((TLS, TCP, TCP), stack)
    assert stack.by == ["tls", "tcp"] and trunk.way == TCP


def test_until_the_stack_takes_another_way_calls_go_the_old_one():
    stack = Accounts(refused=9)
    trunk = follow((TLS, TCP, TCP), stack)
    assert stack.by == ["tls"] and trunk.transport == "tls"


def follow(found, stack: Accounts) -> Trunk:
    """A trunk whose records say one after the other of `found`."""
    config = TrunkConfig(
        domain="provider.test",
        transport="auto",
        require_registration=False,
        allow_from=["192.0.2.0/24"],
    )
    trunks = Trunks({"main": config})

    async def story() -> None:
        names = Answers(*found)
        told = TrunkAccounts(stack, trunks, names, lambda state: None)
        told.open()
        await names.told.wait()
        told.close()

    simulate(story(), 3600)
    return trunks["main"]


def test_records_that_lead_to_no_host_are_passed_over(tmp_path):
    check_dns_server()
    server = DnsServer(
        tmp_path,
        {"sip1.provider.test": "127.0.0.1"},
        [
            ("odd.provider.test", "sip1.provider.test", 0, 10, 5),
            ("_sip._tcp.provider.test", "sip1.provider.test", 5060, 10, 5),
        ],
        [
            ("provider.test", 10, 10, "SIP+D2U", "odd.provider.test"),
            ("provider.test", 20, 10, "SIP+D2T", "_sip._tcp.provider.test"),
        ],
    )
    try:
        names = Names([server.address])
        assert asyncio.run(names.way("provider.test", ("udp", "tcp"))) == (TCP, "")
    finally:
        server.stop()
