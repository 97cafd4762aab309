"""A route that transfers: Asterisk's caller hears the prompt, then talks to the extension."""

import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD
from tests.peers.waves import write_wav

pytestmark = pytest.mark.peer("asterisk")


def test_the_prompt_is_heard_and_the_extension_answers(plugin, asterisk, tmp_path):
    prompt, answer = speech.load("turn_1"), speech.load("turn_2")
    write_wav(tmp_path / "hold_on.wav", prompt)
    asterisk.add_prompt("welcome", answer)
    account = {"domain": asterisk.address, "sip_username": "1001", "sip_password": PASSWORD}
    transferring = plugin(
        trunks={"main": account},
        agents={},
        dialplan={"default": {"transfer": "talk-welcome", "prompt": str(tmp_path / "hold_on.wav")}},
    )
    transferring.wait_trunk("main", "registered")

    placed = asterisk.originate(dial="1001", listen_secs=8)

    call = transferring.wait_call("completed", timeout_secs=25)
    assert call["cause"] == "transferred"
    asterisk.wait_no_channels(30)
    after = assert_heard(prompt, placed.recording("rx"))
    assert_heard(answer, placed.recording("rx"), after_ms=after)
