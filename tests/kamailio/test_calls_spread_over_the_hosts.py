"""Calls through the edge reach the hosts in turn, with their audio both ways."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard, duration_ms
from tests.kamailio.conftest import NUMBER, wait_quiet

pytestmark = [pytest.mark.peer("kamailio"), pytest.mark.peer("sipp")]


def test_every_host_gets_its_share(edge, hosts, sipp):
    caller = sipp("call", edge.address, NUMBER, calls=12, rate=6, stay_ms=300)
    caller.wait_passed()
    wait_quiet(*hosts)
    shares = [host.answered for host in hosts]
    assert sum(shares) == 12, "each call was answered, by one host"
    # A machine that is busy for more than a second makes a host miss a probe, or an INVITE.
    if not edge.left_out() and not edge.failovers():
        assert shares == [6, 6]


def test_a_host_that_is_full_passes_its_calls_on(edge_with, hosts, sipp):
    """486 of a limit is an answer of this host alone."""
    full, free = hosts
    full.limit_to(1)
    edge = edge_with([host.address for host in hosts])
    for host in hosts:
        edge.wait_host(host.address, active=True)
    sipp("call", edge.address, NUMBER, calls=4, rate=20, stay_ms=1500).wait_passed()
    wait_quiet(*hosts)
    assert [full.answered, free.answered] == [1, 3]
    assert edge.hosts()[full.address] == "AP", "full is not down"


@pytest.mark.peer("baresip")
def test_a_softphone_and_the_agent_hear_each_other(edge, hosts, baresip):
    said = speech.load("turn_1")
    phone = baresip(said=said)
    phone.dial(f"sip:{NUMBER}@{edge.address}")
    phone.wait_established()
    serving = next(host for host in hosts if host.plugin.running_calls())
    serving.plugin.wait_event(serving.plugin.running_calls()[0]["sid"], "reply_end")
    phone.hang_up()
    phone.wait_ended()
    heard_ms = assert_heard(said, phone.sent()) + duration_ms(said)
    assert_heard(said, phone.heard(), after_ms=heard_ms)


def test_a_source_that_is_no_trunk_is_refused(edge, hosts, sipp):
    sipp("refused_403", edge.address, NUMBER, source="127.0.0.2").wait_passed()
    assert [host.plugin.calls() for host in hosts] == [[], []]
