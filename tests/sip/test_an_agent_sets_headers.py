"""Headers from an agent, a rule or the control API, in what we send; from nobody else's list."""

import pytest

from sip_plugin.planes.messages import (
    CallEvent,
    CallState,
    EndCall,
    ModelReady,
    Originate,
    TransferCall,
)

AGENT = {"endpoint": "quic://127.0.0.1:4433", "sip_headers": ["X-Case", "x-desk-*"]}
EVIL = {"X-Case": "1\r\nX-Evil: 1", "Contact": "<sip:me@198.51.100.1>", "X-Other": "1"}


@pytest.fixture
def server(start_sip, far):
    rules = [{"headers": {"X-Tenant": "7", "X-Case": "of the rule"}}]
    outbound = {"allow": ["_+."], "rules": rules}
    return start_sip(
        trunks={"main": far.trunk},
        agents={"parrot": AGENT},
        dialplan={"default": {"agent": "parrot"}, "outbound": outbound},
    )


def answered(server, **headers: str):
    worker, watcher = server.worker(ready=False), server.supervisor()
    phone = server.phone()
    phone.invite()
    phone.expect(180)
    worker.send(ModelReady(sid=worker.opened().sid, sip_headers=headers))
    answer = phone.final()
    assert answer.code == 200, answer.start
    phone.ack(answer)
    watcher.wait(CallState, state="in_progress")
    return worker, watcher, phone, answer


def test_the_answer_and_the_bye_have_them(server):
    worker, _, phone, answer = answered(server, **{"X-Case": "4711", "X-Desk-Line": "grün"})
    assert (answer.headers["x-case"], answer.headers["x-desk-line"]) == ("4711", "grün")
    sid = worker.opened().sid
    headers = {"x-case": "closed"}
    worker.send(EndCall(sid=sid, cause="model_hangup", reason="done", sip_headers=headers))
    bye = phone.expect("BYE")
    assert bye.headers["x-case"] == "closed"
    phone.reply(bye, 200)


def test_what_is_not_listed_or_not_sound_stays_out_and_is_told(server):
    _, watcher, phone, answer = answered(server, **EVIL)
    assert "x-evil" not in answer.headers and "x-other" not in answer.headers
    assert len(answer.contacts) == 1 and "198.51.100.1" not in answer.head
    refused = watcher.wait(CallEvent, event="headers_refused").data["headers"]
    assert set(refused) == set(EVIL)
    phone.hang_up()


def test_a_refer_has_them(server):
    worker, _, phone, _ = answered(server)
    sid = worker.opened().sid
    worker.send(TransferCall(sid=sid, target="+4930", sip_headers={"X-Desk-To": "sales"} | EVIL))
    refer = phone.expect("REFER")
    assert refer.headers["x-desk-to"] == "sales"
    assert "x-evil" not in refer.head.lower() and len(refer.contacts) == 1
    phone.reply(refer, 603, "Decline")
    phone.hang_up()


def test_the_call_to_the_target_of_an_attended_transfer_has_them(server, far):
    worker, _, phone, _ = answered(server)
    sid = worker.opened().sid
    headers = {"X-Case": "4711"}
    worker.send(TransferCall(sid=sid, target="+4930", attended=True, sip_headers=headers))
    invite = far.expect("INVITE")
    assert (invite.headers["x-case"], invite.headers["x-tenant"]) == ("4711", "7")
    assert invite.head.lower().count("x-case") == 1
    far.reply(invite, 486, "Busy Here")
    far.expect("ACK")
    phone.hang_up()


def test_a_call_out_has_those_of_its_rule_and_of_its_request(server, far):
    server.worker()
    supervisor = server.supervisor()
    asked = {"X-Order": "12"}
    supervisor.send(
        Originate(request_id="r", number="+4930", agent_name="parrot", sip_headers=asked)
    )
    invite = far.expect("INVITE")
    assert [invite.headers[name] for name in ("x-order", "x-tenant", "x-case")] == [
        "12",
        "7",
        "of the rule",
    ]
    far.reply(invite, 486, "Busy Here")
    far.expect("ACK")
