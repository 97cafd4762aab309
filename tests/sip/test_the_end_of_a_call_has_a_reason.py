import pytest

from sip_plugin.planes.messages import (
    CallEvent,
    CallState,
    CloseCall,
    EndCall,
    Hangup,
    TransferCall,
)
from tests.sip.conftest import SipServer


def test_a_lost_worker_ends_its_calls_and_no_others(sip: SipServer):
    first, second = sip.worker(name="worker-0"), sip.worker(name="worker-1")
    supervisor = sip.supervisor()
    phones = [sip.phone(), sip.phone()]
    for phone in phones:
        phone.call()
    first.opened()
    second.opened()
    supervisor.wait(CallState, 2, state="in_progress")
    first.close()
    ended = supervisor.final()
    assert (ended.state, ended.cause) == ("failed", "worker_lost")
    byes = [phone.receive(0.5) for phone in phones]
    (bye,) = [message for message in byes if message is not None]
    assert bye.method == "BYE"
    assert bye.headers["reason"] == 'SIP;cause=503;text="worker-0 is gone"'
    loser = phones[byes.index(bye)]
    loser.reply(bye, 200)
    phones[1 - byes.index(bye)].hang_up()
    third = sip.phone()
    third.call()
    second.opened(2)


def test_a_lost_worker_before_the_answer_gives_503(sip: SipServer):
    worker, phone = sip.worker(ready=False), sip.phone()
    phone.invite()
    phone.expect(180)
    worker.opened()
    worker.close()
    refused = phone.final()
    assert refused.code == 503
    phone.ack(refused)


def test_calls_survive_the_supervisor(sip: SipServer):
    worker, supervisor, phone = sip.worker(), sip.supervisor(), sip.phone()
    phone.call()
    supervisor.wait(CallState, state="in_progress")
    supervisor.close()
    assert phone.receive(0.5) is None
    again = sip.supervisor()
    assert again.wait(CallState, state="in_progress").sid == worker.opened().sid
    phone.hang_up()
    again.final()


@pytest.mark.parametrize(
    ("cause", "state", "reason"),
    [
        ("model_hangup", "completed", None),
        ("media_timeout", "failed", 'SIP;cause=408;text="no RTP for 30 s"'),
        ("media_failed", "failed", 'SIP;cause=500;text="no RTP for 30 s"'),
    ],
)
def test_the_data_plane_may_end_it(sip: SipServer, cause: str, state: str, reason: str | None):
    worker, supervisor, phone = sip.worker(), sip.supervisor(), sip.phone()
    phone.call()
    supervisor.wait(CallState, state="in_progress")
    sid = worker.opened().sid
    worker.send(EndCall(sid=sid, cause=cause, reason="no RTP for 30 s"))
    bye = phone.expect("BYE")
    phone.reply(bye, 200)
    assert bye.headers.get("reason") == reason
    ended = supervisor.final()
    assert (ended.state, ended.cause) == (state, cause)
    worker.wait(CloseCall, sid=sid)


def test_the_supervisor_may_hang_up_a_ringing_call(sip: SipServer):
    worker, supervisor, phone = sip.worker(ready=False), sip.supervisor(), sip.phone()
    phone.invite()
    phone.expect(180)
    supervisor.send(Hangup(sid=worker.opened().sid))
    refused = phone.final()
    assert refused.code == 603
    phone.ack(refused)
    assert supervisor.final().cause == "plugin_hangup"


def test_a_transfer_that_the_far_side_takes_ends_the_call(sip: SipServer):
    worker, supervisor, phone = sip.worker(), sip.supervisor(), sip.phone()
    phone.call()
    supervisor.wait(CallState, state="in_progress")
    worker.send(TransferCall(sid=worker.opened().sid, target="+1 (555) 99"))
    refer = phone.expect("REFER")
    assert "sip:+155599@" in refer.headers["refer-to"]
    phone.reply(refer, 202, "Accepted")
    for state, line in (("active;expires=60", "100 Trying"), ("terminated", "200 OK")):
        phone.again(
            "NOTIFY",
            f"SIP/2.0 {line}\r\n",
            headers=f"Event: refer\r\nSubscription-State: {state}\r\n",
            kind="message/sipfrag;version=2.0",
        )
        phone.expect(200, "BYE")
    ended = supervisor.final()
    assert (ended.state, ended.cause) == ("completed", "transferred")


def test_a_transfer_that_is_refused_leaves_the_call(sip: SipServer):
    worker, supervisor, phone = sip.worker(), sip.supervisor(), sip.phone()
    phone.call()
    supervisor.wait(CallState, state="in_progress")
    sid = worker.opened().sid
    worker.send(TransferCall(sid=sid, target="bad number!!\r\nX: y"))
    assert supervisor.wait(CallEvent, event="transfer_failed").data["code"] == 0
    worker.send(TransferCall(sid=sid, target="+155599"))
    phone.reply(phone.expect("REFER"), 603, "Decline")
    assert supervisor.wait(CallEvent, count=2, event="transfer_failed").data["code"] == 603
    phone.hang_up()
    assert supervisor.final().cause == "caller_hangup"


@pytest.mark.parametrize("target", ["112", "911"])
def test_a_model_cannot_transfer_to_a_number_that_may_not_be_dialled(sip: SipServer, target: str):
    worker, supervisor, phone = sip.worker(), sip.supervisor(), sip.phone()
    phone.call()
    supervisor.wait(CallState, state="in_progress")
    worker.send(TransferCall(sid=worker.opened().sid, target=target))
    told = supervisor.wait(CallEvent, event="transfer_failed").data
    assert told["code"] == 403
    assert "not allowed" in told["reason"]
    assert phone.receive(0.3) is None
    phone.hang_up()


def test_a_digit_by_info_is_told(sip: SipServer):
    sip.worker()
    supervisor, phone = sip.supervisor(), sip.phone()
    phone.call()
    phone.again("INFO", "Signal=5\r\nDuration=160\r\n", kind="application/dtmf-relay")
    phone.expect(200)
    assert supervisor.wait(CallEvent, event="dtmf_info").data["digit"] == "5"
    phone.hang_up()


def test_a_bye_with_a_reason_is_told_with_it(sip: SipServer):
    sip.worker()
    supervisor, phone = sip.supervisor(), sip.phone()
    phone.call()
    phone.again("BYE", headers='Reason: Q.850;cause=16;text="Normal clearing"\r\n')
    phone.expect(200)
    final = supervisor.final()
    assert final.far_reason == 'Q.850;cause=16;text="Normal clearing"'
    assert (final.cause, final.ended_by) == ("caller_hangup", "caller")


def test_sigterm_says_bye_and_ends_in_time(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    sip.supervisor().wait(CallState, state="in_progress")
    sip.process.terminate()
    bye = phone.expect("BYE")
    assert "the plugin stops" in bye.headers["reason"]
    phone.reply(bye, 200)
    assert sip.process.wait(5) == 0
    worker.wait(CloseCall, reason="shutdown")


def test_sigterm_does_not_wait_for_a_dead_far_side(sip: SipServer):
    sip.worker()
    sip.phone().call()
    sip.process.terminate()
    assert sip.process.wait(8) == 0
