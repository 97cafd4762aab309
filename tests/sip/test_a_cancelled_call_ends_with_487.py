from sip_plugin.planes.messages import CloseCall, ModelReady
from tests.sip.conftest import SipServer


def test_cancel_while_ringing(sip: SipServer):
    worker, supervisor, phone = sip.worker(ready=False), sip.supervisor(), sip.phone()
    phone.invite()
    phone.expect(180)
    phone.cancel()
    answer = phone.expect(487)
    phone.ack(answer)
    sid = worker.opened().sid
    worker.wait(CloseCall, sid=sid)
    ended = supervisor.final()
    assert (ended.state, ended.code, ended.cause) == ("failed", 487, "cancelled")

    worker.send(ModelReady(sid=sid))  # too late: ignored
    worker.ready = True
    sip.phone().call()
