"""The stack's table of media slots filled up after some 250 calls when it was set up wrongly."""

from sip_plugin.planes.messages import CallState, WorkerState
from tests.sip.conftest import SipServer

CALLS = 320


def test_hundreds_of_calls_one_after_the_other(sip: SipServer):
    worker, supervisor = sip.worker(), sip.supervisor()
    before = 0
    for n in range(CALLS):
        phone = sip.phone()
        phone.call()
        phone.hang_up()
        phone.close()
        if n == 20:
            before = sip.descriptors
    supervisor.final(CALLS)
    assert sip.descriptors <= before
    assert {state.state for state in supervisor.all(CallState)} == {
        "ringing",
        "in_progress",
        "completed",
    }
    supervisor.wait_until(WorkerState, lambda state: (state.calls, state.leases) == (0, 4))
    assert len(worker.sockets) == 4
