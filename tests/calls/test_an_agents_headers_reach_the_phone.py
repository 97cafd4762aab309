"""What an agent sets is in the answer and in the BYE to the caller, if it is listed."""

import re

import pytest

from tests.calls.desks import start_desk
from tests.peers.plugin import ip_trunk

pytestmark = pytest.mark.peer("sipp")


@pytest.fixture(scope="module")
def desk(ports, tmp_path_factory):
    table, process = start_desk(ports, tmp_path_factory.mktemp("desk"))
    yield table
    process.stop()


def test_the_answer_and_the_bye_have_the_listed_ones(plugin, desk, sipp):
    line = plugin(
        trunks={"loop": ip_trunk()},
        agents={"desk": desk | {"sip_headers": ["X-Desk-*"]}},
        dialplan={"default": {"agent": "desk"}},
    )
    caller = sipp("call_until_bye", line.address, "+15551234569")
    caller.wait_passed()
    call = line.wait_ended(line.calls()[0]["sid"])
    assert call["cause"] == "model_hangup"
    seen = caller.messages()
    assert re.search(r"SIP/2.0 200 OK\s(?:[^\n]+\n)*X-Desk-Line: 7\s", seen), seen
    assert re.search(r"BYE (?:[^\n]+\n)*X-Desk-Note: sold\s", seen), seen
    assert "X-Unlisted" not in seen
    refused = [e["data"] for e in line.events(call["sid"]) if e["event"] == "headers_refused"]
    assert refused == [{"headers": {"X-Unlisted": "not among sip_headers"}}]
