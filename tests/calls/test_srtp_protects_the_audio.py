"""SRTP with Asterisk: heard both ways, and never plain where it must not be."""

import re

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent
from tests.peers.process import wait_until

pytestmark = pytest.mark.peer("asterisk")

PLAIN, ENCRYPTED = "1001", "1003"


@pytest.fixture
def start(plugin, model, ports, asterisk):
    """The plugin as a user of Asterisk, over TLS."""

    def start(user: str, srtp: str):
        line = plugin(
            sip={"bind_tls": f"127.0.0.1:{ports.one()}", "tls": {"ca_file": str(asterisk.ca_file)}},
            trunks={
                "main": {
                    "domain": f"127.0.0.1:{asterisk.tls_port}",
                    "transport": "tls",
                    "sip_username": user,
                    "sip_password": PASSWORD,
                    "srtp": srtp,
                }
            },
            agents={"parrot": agent(model)},
            dialplan={
                "routes": [{"number": user, "agent": "parrot"}],
                "outbound": {"allow": ["_."]},
            },
        )
        line.wait_trunk("main", "registered")
        return line

    return start


@pytest.mark.parametrize(
    ("user", "srtp", "suite"),
    [
        (ENCRYPTED, "required", "AES_CM_128_HMAC_SHA1_80"),
        (ENCRYPTED, "optional", "AES_CM_128_HMAC_SHA1_80"),
        (PLAIN, "optional", ""),
    ],
)
def test_the_agent_is_called(start, asterisk, user, srtp, suite):
    said = speech.load("turn_1")
    asterisk.add_prompt("srtp", said)
    line = start(user, srtp)

    call = asterisk.originate(user, prompt="srtp")
    sid = line.wait_call("in_progress")["sid"]
    line.wait_event(sid, "reply_end")
    report = line.wait_ended(sid)["report"]

    assert_heard(said, call.recording("tx"))
    assert_heard(said, call.recording("rx"))
    assert report["srtp"] == {"suite": suite, "rejected": 0, "keys_changed": 0}
    assert report["rtp"]["received"] > 0
    _assert_no_keys(line)


@pytest.mark.parametrize(
    ("user", "srtp", "suite"),
    [(ENCRYPTED, "required", "AES_CM_128_HMAC_SHA1_80"), (PLAIN, "optional", "")],
)
def test_the_agent_calls(start, asterisk, user, srtp, suite):
    said = speech.load("turn_1")
    asterisk.add_prompt("srtp", said)
    line = start(user, srtp)

    status, placed = line.ask("POST", "/v1/calls", {"number": "talk-srtp", "agent": "parrot"})
    assert status == 201, placed
    line.wait_event(placed["sid"], "reply_end")
    line.ask("DELETE", f"/v1/calls/{placed['sid']}")
    report = line.wait_ended(placed["sid"])["report"]
    asterisk.wait_no_channels()

    assert_heard(said, asterisk.last_recording("tx"))
    assert_heard(said, asterisk.last_recording("rx"))
    assert report["srtp"] == {"suite": suite, "rejected": 0, "keys_changed": 0}
    _assert_no_keys(line)


@pytest.mark.parametrize(("user", "srtp"), [(PLAIN, "required"), (ENCRYPTED, "off")])
def test_sides_that_do_not_fit_have_no_call(start, asterisk, user, srtp):
    line = start(user, srtp)

    asterisk.originate(user)
    line.process.wait_for(r"INVITE for \S+ refused: (406|488)", 10)
    wait_until(lambda: not asterisk.channels(), "Asterisk's call to end")

    status, placed = line.ask("POST", "/v1/calls", {"number": "echo", "agent": "parrot"})
    assert status == 201, placed
    ended = line.wait_ended(placed["sid"])
    assert ended["state"] == "failed"
    assert ended["report"]["rtp"].get("sent", 0) == 0


def _assert_no_keys(line) -> None:
    """Its log is at level debug."""
    assert not re.search(r"inline:[A-Za-z0-9+/]", line.process.output())
