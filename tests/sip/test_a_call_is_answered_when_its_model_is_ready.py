from sip_plugin.planes.messages import CallState, CloseCall, ModelReady
from tests.sip.conftest import SipServer
from tests.sip.phone import offer


def test_it_rings_while_the_model_opens_and_is_answered_then(sip: SipServer):
    worker, supervisor, phone = sip.worker(ready=False), sip.supervisor(), sip.phone()
    phone.invite("2000", offer(40000))
    phone.expect(180)
    opened = worker.opened()
    assert (opened.direction, opened.called, opened.agent_name) == ("inbound", "2000", "parrot")
    assert phone.receive(0.3) is None, "answered before the model was ready"

    worker.send(ModelReady(sid=opened.sid))
    answer = phone.expect(200)
    assert answer.port == worker.port_of(opened.lease_id)
    assert answer.formats == ["0", "101"], "one codec and digits, nothing else"
    phone.ack(answer)

    media = worker.started().media
    assert (media.remote_address, media.remote_rtp_port, media.codec) == (
        "127.0.0.1",
        40000,
        "g711_ulaw",
    )
    assert (media.tx_event_payload_type, media.ptime_ms) == (101, 20)
    supervisor.wait(CallState, state="in_progress")
    phone.hang_up()
    worker.wait(CloseCall, sid=opened.sid)
    ended = supervisor.final()
    assert (ended.state, ended.code, ended.cause) == ("completed", 200, "caller_hangup")
