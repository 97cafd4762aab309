"""OPTIONS, by which a proxy asks whether calls may go there: 200 only when one could be taken."""

import secrets

import pytest

from sip_plugin.planes.messages import Drain, ModelLink
from tests.peers.process import wait_until
from tests.sip.conftest import SipServer
from tests.sip.phone import Phone, Received


def probe(sip: SipServer) -> Received:
    phone = Phone(("127.0.0.1", sip.port))
    phone.call_id, phone.tag, phone.cseq = secrets.token_hex(8), "o1", 1
    uri = f"sip:127.0.0.1:{sip.port}"
    phone.send(phone.request("OPTIONS", uri, to=f"<{uri}>"))
    answer = phone.receive(3.0)
    phone.close()
    assert answer is not None
    return answer


def wait_code(sip: SipServer, code: int) -> Received:
    wait_until(lambda: probe(sip).code == code, f"OPTIONS to be answered with {code}")
    return probe(sip)


def test_before_a_worker_has_come_and_after_it_has_gone(sip: SipServer):
    assert probe(sip).code == 503
    worker = sip.worker()
    assert probe(sip).code == 200
    worker.close()
    assert wait_code(sip, 503).headers["retry-after"] == "2"


def test_while_no_worker_reaches_a_model(sip: SipServer):
    first, second = sip.worker(name="worker-0"), sip.worker(name="worker-1")
    first.send(ModelLink(connected=False))
    assert probe(sip).code == 200, "the other one may have its model"
    second.send(ModelLink(connected=False))
    wait_code(sip, 503)
    first.send(ModelLink(connected=True))
    wait_code(sip, 200)


def test_while_draining(sip: SipServer):
    sip.worker()
    sip.supervisor().send(Drain(retry_after_secs=17))
    assert wait_code(sip, 503).headers["retry-after"] == "17"


@pytest.mark.parametrize("state", ["welcome", "draining"])
def test_a_call_that_runs_is_not_told_to_go(sip: SipServer, state: str):
    """OPTIONS within a dialog asks about this call alone."""
    sip.worker()
    phone = sip.phone()
    phone.call()
    if state == "draining":
        sip.supervisor().send(Drain(retry_after_secs=17))
        wait_code(sip, 503)
    phone.again("OPTIONS")
    phone.expect(200)
    phone.hang_up()


def test_many_probes_leave_nothing_behind(sip: SipServer):
    before = sip.descriptors
    assert [probe(sip).code for _ in range(300)] == [503] * 300
    assert sip.descriptors == before
