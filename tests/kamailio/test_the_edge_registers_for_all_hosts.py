"""One registration with the trunk, held by the edge; calls both ways reach a host behind it."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms
from tests.kamailio.conftest import ACCOUNT
from tests.peers.asterisk import PASSWORD, REALM
from tests.peers.kamailio import EdgeAccount
from tests.peers.process import wait_until

pytestmark = [pytest.mark.peer("kamailio"), pytest.mark.peer("asterisk")]


@pytest.fixture
def edge(edge_with, hosts, asterisk):
    account = EdgeAccount(asterisk.address, REALM, ACCOUNT, PASSWORD, number=ACCOUNT)
    running = edge_with([host.address for host in hosts], (account,))
    for host in hosts:
        running.wait_host(host.address, active=True)
    yield running
    asterisk.wait_no_channels()


def test_a_call_of_the_trunk_is_answered_by_a_host(edge, hosts, asterisk):
    contacts = asterisk.wait_registered(ACCOUNT)
    assert [edge.address in contact for contact in contacts] == [True], "one, and the edge's"
    said = speech.load("turn_1")
    asterisk.add_prompt("turn", said)

    placed = asterisk.originate(ACCOUNT, prompt="turn", listen_secs=4)

    wait_until(lambda: sum(host.answered for host in hosts) == 1, "the call to end", 25)
    spoken_ms = assert_heard(said, placed.recording("tx")) + duration_ms(said)
    assert_heard(said, placed.recording("rx"), after_ms=spoken_ms)


def test_a_call_of_a_host_goes_out_with_the_edges_credentials(edge, hosts, asterisk):
    asterisk.wait_registered(ACCOUNT)
    said = speech.load("turn_1")
    asterisk.add_prompt("turn", said)
    plugin = hosts[1].plugin

    begun = plugin.ask("POST", "/v1/calls", {"number": "talk-turn", "agent": "parrot"})

    assert begun[0] == 201, begun
    plugin.wait_event(begun[1]["sid"], "reply_end")
    plugin.ask("DELETE", f"/v1/calls/{begun[1]['sid']}")
    assert plugin.wait_ended(begun[1]["sid"])["cause"] == "plugin_hangup"
    spoken_ms = assert_heard(said, asterisk.last_recording("tx")) + duration_ms(said)
    assert_heard(said, asterisk.last_recording("rx"), after_ms=spoken_ms)
