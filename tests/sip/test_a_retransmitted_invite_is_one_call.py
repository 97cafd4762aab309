from sip_plugin.planes.messages import OpenCall
from tests.sip.conftest import SipServer


def test_the_same_invite_three_times(sip: SipServer):
    worker, phone = sip.worker(ready=False), sip.phone()
    text = phone.invite()
    phone.expect(180)
    phone.send(text)
    phone.send(text)
    phone.expect(180)
    phone.expect(180)
    assert len(worker.all(OpenCall)) == 1
    phone.cancel()
    phone.ack(phone.expect(487))
