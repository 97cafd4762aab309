"""A host dies with all it has (kill -9): calls that begin then are answered by the other one."""

import pytest

from tests.kamailio.conftest import NUMBER, wait_quiet

pytestmark = [pytest.mark.peer("kamailio"), pytest.mark.peer("sipp")]

FAILOVER_SECS = 2.0


def test_new_calls_fail_over_and_it_is_used_again_once_it_is_back(edge, hosts, sipp):
    dead, alive = hosts
    sipp("call", edge.address, NUMBER, calls=4, rate=5, stay_ms=200).wait_passed()
    wait_quiet(*hosts)
    before = alive.answered

    dead.kill()
    caller = sipp("call", edge.address, NUMBER, calls=12, rate=5, stay_ms=200)
    caller.wait_passed()
    wait_quiet(alive)

    assert alive.answered - before == 12, "each call was answered, none was refused"
    waited = caller.setup_secs()
    assert len(waited) == 12
    assert max(waited) < FAILOVER_SECS, waited
    edge.wait_host(dead.address, active=False)
    assert dead.address in edge.left_out()
    # Once it is known to be dead, no call is tried there any more.
    known = len(edge.failovers())
    sipp("call", edge.address, NUMBER, calls=4, rate=5, stay_ms=100).wait_passed()
    assert len(edge.failovers()) == known

    dead.start_again()
    edge.wait_host(dead.address, active=True)
    sipp("call", edge.address, NUMBER, calls=6, rate=5, stay_ms=100).wait_passed()
    wait_quiet(*hosts)
    assert dead.answered > 0, "it has its share of them"


def test_with_no_host_left_the_caller_is_told_when_to_return(edge, hosts, sipp):
    for host in hosts:
        host.kill()
    for host in hosts:
        edge.wait_host(host.address, active=False)
    told = sipp("refused_503", edge.address, NUMBER).wait_passed()
    assert told.split() == ["RETRY-AFTER", "2"]
