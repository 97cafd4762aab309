"""Reconfigure: the SIP process goes on with its calls and decides the next ones anew."""

from collections.abc import Callable

from bridge.secret import REVEAL
from sip_plugin.config import Config
from sip_plugin.planes.messages import Reconfigure, ReconfigureAnswer
from tests.sip.conftest import SipServer, configuration


def reconfigure(server: SipServer, document: str, request_id: str = "r") -> ReconfigureAnswer:
    supervisor = server.supervisor()
    half = len(document) // 2
    for part, last in ((document[:half], False), (document[half:], True)):
        supervisor.send(Reconfigure(request_id=request_id, part=part, last=last))
    answer = supervisor.wait(ReconfigureAnswer, request_id=request_id)
    supervisor.close()
    return answer


def test_a_running_call_goes_on_and_the_next_is_decided_by_the_new_plan(
    start_sip: Callable[..., SipServer],
):
    server = start_sip()
    worker, running = server.worker(), server.phone()
    running.call()
    plan = {"routes": [{"number": "2000", "agent": "other"}], "default": {"reject": 480}}
    agents = {"other": {"endpoint": "quic://127.0.0.1:4433", "token": "t"}}
    tables = configuration(server.port, agents=agents, dialplan=plan)
    tables["trunks"]["main"]["channel_limit"] = 2
    document = Config.model_validate(tables).model_dump_json(context=REVEAL)
    assert reconfigure(server, document).problem == ""
    assert not running.receive(0.2), "nothing happens to the running call"

    phone = server.phone()
    phone.call("2000")
    opened = worker.opened(2)
    assert (opened.agent_name, opened.agent.token.get_secret_value()) == ("other", "t")
    third = server.phone()
    third.invite("2000")
    answer = third.final()
    assert answer.code == 486, "the trunk's new limit"
    third.ack(answer)
    running.hang_up()
    fourth = server.phone()
    fourth.invite("3000")
    answer = fourth.final()
    assert answer.code == 480
    fourth.ack(answer)


def test_a_document_with_faults_changes_nothing(start_sip: Callable[..., SipServer]):
    server = start_sip()
    server.worker()
    assert "faults" in reconfigure(server, '{"nonsense": 1}').problem
    server.phone().call()
