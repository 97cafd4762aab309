"""`sip-plugin reload`: the next call has the new plan, the running one goes on."""

import signal

import pytest

from tests.peers.plugin import agent, ip_trunk

pytestmark = pytest.mark.peer("sipp")


def test_a_plan_is_taken_over_and_a_broken_file_is_not(plugin, model, sipp, rtp_peer):
    running = plugin(
        trunks={"loop": ip_trunk()},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot"}},
    )
    file = running.config_file
    before = file.read_text()
    assert before.count('[dialplan.default]\nagent = "parrot"') == 1
    after = before.replace(
        '[dialplan.default]\nagent = "parrot"', "[dialplan.default]\nreject = 404"
    )
    peer = rtp_peer()
    first = sipp("call", running.address, rtp_port=peer.port, formats=peer.formats, stay_ms=6000)
    sid = running.wait_call("in_progress")["sid"]

    file.write_text(after)
    done = running.command("reload")
    assert done.returncode == 0, done.stderr
    assert "dialplan.default" in done.stdout
    sipp("refused_404", running.address).wait_passed()

    file.write_text(before + "\n[dialplan.nonsense]\n")
    done = running.command("reload")
    assert done.returncode == 1 and "nonsense" in done.stderr
    running.process.signal(signal.SIGHUP)
    running.process.wait_for("not reloaded, nothing changes", 10)
    sipp("refused_404", running.address).wait_passed()

    file.write_text(before)
    assert running.command("reload").returncode == 0
    sipp("call", running.address, rtp_port=rtp_peer().port, stay_ms=100).wait_passed()
    first.wait_passed()
    assert running.wait_ended(sid)["cause"] == "caller_hangup"
