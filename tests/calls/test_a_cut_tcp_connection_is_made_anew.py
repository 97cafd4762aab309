"""SIP over TCP: a connection that the network cuts is made anew, and calls find their way."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent
from tests.peers.process import wait_until
from tests.peers.relay import Relay

pytestmark = pytest.mark.peer("asterisk")


def test_the_trunk_registers_again_and_is_called(plugin, model, ports, asterisk):
    relay = Relay(ports, ("127.0.0.1", asterisk.sip_port))
    said = speech.load("turn_1")
    asterisk.add_prompt("tcp", said)
    line = plugin(
        trunks={
            "main": {
                "domain": relay.address,
                "sip_username": "1001",
                "sip_password": PASSWORD,
                "transport": "tcp",
            }
        },
        agents={"parrot": agent(model)},
        dialplan={"routes": [{"number": "1001", "agent": "parrot"}]},
    )
    line.wait_trunk("main", "registered")
    [before] = asterisk.wait_registered("1001")
    assert "transport=tcp" in before.lower()

    relay.cut()
    line.process.wait_for("the connection is lost", 10)
    line.wait_trunk("main", "registered")
    wait_until(lambda: relay.accepted == 2, "a second connection")
    wait_until(
        lambda: asterisk.contacts("1001") not in ([], [before]), "the contact to be another", 15
    )

    call = asterisk.originate(prompt="tcp")
    sid = line.wait_call("in_progress")["sid"]
    line.wait_event(sid, "reply_end")
    line.wait_ended(sid)
    relay.close()
    assert_heard(said, call.recording("tx"))
    assert_heard(said, call.recording("rx"))
