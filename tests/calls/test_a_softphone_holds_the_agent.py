"""Hold by a softphone: the agent is told and hears nothing, and both hear each other afterwards."""

import time

import numpy as np
import pytest

from sip_plugin.demo import speech
from tests.calls.hearing import assert_heard
from tests.peers.asterisk import PASSWORD
from tests.peers.plugin import agent
from tests.peers.waves import RATE_HZ

pytestmark = pytest.mark.peer("baresip")

PAUSE_SECS = 9
HOLD_SECS = 2.0


@pytest.fixture
def phone(baresip):
    """Says one sentence, and another some seconds later."""
    pause = np.zeros(PAUSE_SECS * RATE_HZ, np.int16)
    spoken = np.concatenate((speech.load("turn_1"), pause, speech.load("turn_2")))
    return lambda **options: baresip(said=spoken, **options)


def hold_and_resume(line, phone, sid: str) -> dict:
    """Between the two sentences, each of which is replied to; the call, once it has ended."""
    line.wait_event(sid, "reply_end")
    phone.hold()
    line.wait_event(sid, "media_started", direction="recvonly")
    time.sleep(HOLD_SECS)
    phone.resume()
    line.wait_event(sid, "media_started", direction="sendrecv", count=2)
    line.wait_event(sid, "reply_end", count=2, timeout_secs=30)
    phone.hang_up()
    phone.wait_ended()
    return line.wait_ended(sid)


def assert_held(line, call: dict) -> None:
    """Nothing went to the model meanwhile, nothing was taken for silence, and both were heard."""
    told = [e for e in line.events(call["sid"]) if e["event"] in ("media_started", "commit")]
    assert [e["event"] for e in told] == [
        "media_started",
        "commit",
        *["media_started"] * 2,
        "commit",
    ]
    held_ms = told[3]["audio_ms"] - told[2]["audio_ms"]
    report = call["report"]
    unheard_ms = report["duration_ms"] - 20 * report["model"]["uplink_frames"]
    assert held_ms >= 1000 * HOLD_SECS - 200 and abs(unheard_ms - held_ms) <= 200
    record = line.record()
    for name in ("turn_1", "turn_2"):
        assert_heard(speech.load(name)[RATE_HZ // 10 :], record[:, 0])
        assert_heard(speech.load(name)[RATE_HZ // 10 :], record[:, 1])


def test_baresip_holds_and_resumes(line, phone):
    calling = phone()
    calling.dial(f"sip:+15551234567@{line.address}")
    calling.wait_established()
    sid = line.wait_call("in_progress")["sid"]
    assert_held(line, hold_and_resume(line, calling, sid))


@pytest.mark.peer("asterisk")
def test_a_phone_behind_asterisk_holds_and_resumes(plugin, model, asterisk, phone):
    """Asterisk hands the hold on (`moh_passthrough`) instead of playing music to the agent."""
    account = {"domain": asterisk.address, "sip_username": "1001", "sip_password": PASSWORD}
    line = plugin(
        trunks={"main": account},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot"}},
    )
    user = f"<sip:2001@{asterisk.address}>;auth_user=2001;auth_pass={PASSWORD}"
    calling = phone(account=f"{user};regint=0")
    calling.dial(f"sip:rec-1001@{asterisk.address}")
    calling.wait_established()
    call = hold_and_resume(line, calling, line.wait_call("in_progress")["sid"])
    assert_held(line, call)
    asterisk.wait_no_channels(20)
    for side in ("rx", "tx"):
        assert_heard(speech.load("turn_2")[RATE_HZ // 10 :], asterisk.last_recording(side))
