from collections.abc import Callable

import pytest

from sip_plugin.planes.messages import CallRefused, Drain, ModelFailed, ModelReady
from tests.sip.conftest import SipServer
from tests.sip.phone import offer

TRUNK = {"domain": "127.0.0.1:9", "require_registration": False, "allow_from": ["127.0.0.1"]}


def refused(server: SipServer, number: str = "2000", body: str | None = None):
    phone = server.phone()
    phone.invite(number, body)
    answer = phone.final()
    phone.ack(answer)
    return answer


def test_403_to_an_unknown_source(start_sip: Callable[..., SipServer]):
    server = start_sip(trunks={"main": {**TRUNK, "allow_from": ["192.0.2.0/24"]}})
    server.worker()
    supervisor = server.supervisor()
    assert refused(server).code == 403
    assert "127.0.0.1" in supervisor.wait(CallRefused, code=403).reason


def test_404_without_a_route(start_sip: Callable[..., SipServer]):
    plan = {"routes": [{"number": "2000", "agent": "parrot"}], "default": {"reject": 404}}
    server = start_sip(dialplan=plan)
    server.worker()
    assert refused(server, "2001").code == 404
    server.phone().call("2000")


def test_486_at_the_channel_limit_of_the_trunk(start_sip: Callable[..., SipServer]):
    server = start_sip(trunks={"main": {**TRUNK, "channel_limit": 1}})
    server.worker()
    first = server.phone()
    first.call()
    assert refused(server).code == 486
    first.hang_up()
    server.phone().call()


def test_486_when_the_plugin_is_full(start_sip: Callable[..., SipServer]):
    server = start_sip(sip={"max_calls": 2})
    server.worker()
    supervisor = server.supervisor()
    server.phone().call()
    server.phone().call()
    assert refused(server).code == 486
    supervisor.wait(CallRefused, code=486)


@pytest.mark.parametrize(
    "body",
    [
        offer(codecs="18 101", extra="a=rtpmap:18 G729/8000\r\n"),
        offer().replace("RTP/AVP", "RTP/SAVP"),
        offer().replace("m=audio 40000 RTP/AVP 0 8 101", "m=image 40000 udptl t38"),
        offer().replace("IP4 127.0.0.1", "IP6 ::1"),
    ],
    ids=["unknown codec", "SAVP", "T.38 only", "IPv6"],
)
def test_488_without_audio_that_we_speak(sip: SipServer, body: str):
    sip.worker()
    assert refused(sip, body=body).code == 488
    sip.phone().call()


def test_400_to_nonsense_instead_of_a_session_description(sip: SipServer):
    sip.worker()
    assert refused(sip, body="v=0\r\nnot a description\r\n").code == 400


def test_503_without_a_worker(sip: SipServer):
    answer = refused(sip)
    assert (answer.code, answer.headers["retry-after"]) == (503, "2")


def test_503_with_retry_after_while_draining(sip: SipServer):
    sip.worker()
    supervisor, running = sip.supervisor(), sip.phone()
    running.call()
    supervisor.send(Drain(retry_after_secs=30))
    while (answer := refused(sip)).code != 503:
        pass
    assert answer.headers["retry-after"] == "30"
    running.hang_up()


def test_503_when_the_model_cannot_be_opened(sip: SipServer):
    worker, supervisor, phone = sip.worker(ready=False), sip.supervisor(), sip.phone()
    phone.invite()
    phone.expect(180)
    sid = worker.opened().sid
    worker.send(ModelFailed(sid=sid, code="unreachable", reason="nobody listens"))
    answer = phone.final()
    assert answer.code == 503
    phone.ack(answer)
    ended = supervisor.final()
    assert (ended.state, ended.code, ended.cause) == ("failed", 503, "model_failed")
    assert "nobody listens" in ended.reason


def test_503_when_the_model_says_nothing_in_time(start_sip: Callable[..., SipServer]):
    server = start_sip(sip={"answer_timeout_secs": 0.5})
    worker, phone = server.worker(ready=False), server.phone()
    phone.invite()
    answer = phone.final()
    assert answer.code == 503
    phone.ack(answer)
    worker.send(ModelReady(sid=worker.opened().sid))
    assert server.phone().options() == 200
