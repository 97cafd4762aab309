"""Hold and resume asked for by an agent or the control API: re-INVITE, also after glare."""

from sip_plugin.planes.messages import CallEvent, HoldCall, ModelReady
from sip_plugin.sip.actions import Hold
from sip_plugin.sip.events import Confirmed, MediaChanged
from tests.sip.conftest import SipServer
from tests.sip.phone import offer
from tests.sip.story import MEDIA, Story


def direction(body: str) -> str:
    for name in ("sendrecv", "sendonly", "recvonly", "inactive"):
        if f"a={name}" in body:
            return name
    return "sendrecv"


def accept(phone, asked, answer: str) -> None:
    phone.reply(asked, 200, "OK", offer(40000, extra=f"a={answer}\r\n"))
    phone.expect("ACK")


def test_a_hold_between_the_answer_and_its_ack_waits_for_the_ack():
    story = Story()
    story.invite()
    story.control.on_message("w", ModelReady(sid="s1"), 2.0)
    story.control.on_event(MediaChanged("s1", MEDIA), 2.1)
    assert story.control.hold(HoldCall(sid="s1", on=True), 2.15) == []
    assert Hold("s1", True) in story.control.on_event(Confirmed("s1"), 2.2)


def test_hold_and_resume(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    sid = worker.started().sid
    worker.send(HoldCall(sid=sid, on=True))
    asked = phone.expect("INVITE")
    assert direction(asked.body) == "sendonly"
    accept(phone, asked, "recvonly")
    assert worker.started(2).media.direction == "sendonly"
    worker.send(HoldCall(sid=sid, on=True))  # it is
    sip.supervisor().send(HoldCall(sid=sid, on=False))
    asked = phone.expect("INVITE")
    assert direction(asked.body) == "sendrecv"
    accept(phone, asked, "sendrecv")
    media = worker.started(3).media
    assert (media.direction, media.remote_rtp_port) == ("sendrecv", 40000)
    phone.hang_up()


def test_after_glare_it_is_asked_again(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    sid = worker.started().sid
    worker.send(HoldCall(sid=sid, on=True))
    asked = phone.expect("INVITE")
    phone.reply(asked, 491, "Request Pending")
    phone.expect("ACK")
    asked = phone.expect("INVITE")
    assert direction(asked.body) == "sendonly"
    accept(phone, asked, "recvonly")
    assert worker.started(2).media.direction == "sendonly"
    phone.hang_up()


def test_an_offer_of_theirs_while_ours_is_open_gets_491(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    worker.send(HoldCall(sid=worker.started().sid, on=True))
    asked = phone.expect("INVITE")
    phone.again("INVITE", offer(40000))
    refused = phone.final()
    assert refused.code == 491
    phone.ack(refused)
    accept(phone, asked, "recvonly")
    assert worker.started(2).media.direction == "sendonly"
    phone.hang_up()


def test_a_hold_that_is_refused_leaves_the_call_as_it_was(sip: SipServer):
    worker, phone, supervisor = sip.worker(), sip.phone(), sip.supervisor()
    phone.call()
    sid = worker.started().sid
    worker.send(HoldCall(sid=sid, on=True))
    asked = phone.expect("INVITE")
    phone.reply(asked, 488, "Not Acceptable Here")
    phone.expect("ACK")
    failed = supervisor.wait(CallEvent, event="hold_failed")
    assert failed.data == {"on": True, "code": 488, "reason": "the far side refused it"}
    phone.hang_up()
