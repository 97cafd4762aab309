import os
import signal

from tests.service.supervised import Supervised


def restarted(plugin: Supervised, name: str, old_pid: int) -> bool:
    return plugin.children().get(name, old_pid) != old_pid


def process(plugin: Supervised, name: str) -> dict:
    listed = plugin.get("/v1/workers")
    return next(c for c in (listed["sip"], *listed["workers"]) if c["name"] == name)


def test_a_worker_that_crashes_is_replaced_and_the_others_are_left_alone(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        before = plugin.children()
        os.kill(before["worker-0"], signal.SIGSEGV)
        plugin.wait(lambda: restarted(plugin, "worker-0", before["worker-0"]), "a new worker-0")
        plugin.wait_ready()
        after = plugin.children()
        assert (after["sip"], after["worker-1"]) == (before["sip"], before["worker-1"])
        worker = process(plugin, "worker-0")
        assert worker["restarts"] == 1
        assert worker["last_exit"].startswith("killed by SIGSEGV")
        assert plugin.log.count("worker-0 died") == 1


def test_calls_of_a_sip_process_that_crashes_have_failed(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        sid = plugin.originate("123")
        before = plugin.children()
        os.kill(before["sip"], signal.SIGKILL)
        plugin.wait(lambda: restarted(plugin, "sip", before["sip"]), "a new SIP process")
        plugin.wait_ready()
        call = plugin.get(f"/v1/calls/{sid}")
        assert (call["state"], call["cause"]) == ("failed", "sip_process_lost")
        assert "SIGKILL" in call["reason"]
        assert plugin.children()["worker-0"] == before["worker-0"]


def test_a_sip_process_that_is_stuck_is_replaced(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        stuck = plugin.children()["sip"]
        os.kill(stuck, signal.SIGSTOP)
        plugin.wait(lambda: restarted(plugin, "sip", stuck), "a new SIP process")
        assert "left 10 pings unanswered" in process(plugin, "sip")["last_exit"]


def test_a_worker_that_never_connects_is_replaced(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        before = plugin.children()
        os.kill(before["worker-1"], signal.SIGSTOP)
        os.kill(before["sip"], signal.SIGKILL)  # the stopped worker does not come to the next one
        plugin.wait(lambda: restarted(plugin, "worker-1", before["worker-1"]), "a new worker-1")
        assert "not connected to the SIP process" in process(plugin, "worker-1")["last_exit"]


def test_a_child_that_cannot_live_is_tried_again_slower_and_its_words_are_kept(tmp_path):
    with Supervised(tmp_path, "--broken", "worker-1") as plugin:
        plugin.wait(lambda: "starting again in 2 s" in plugin.log, "the second pause")
        assert "starting again in 1 s" in plugin.log
        how = process(plugin, "worker-1")["last_exit"]
        assert how.startswith("exit code 3, its last words:")
        assert "no luck" in how
        assert "\x1b" not in how
        assert "\x1b" not in plugin.log


def test_all_children_get_the_same_configuration_with_its_secrets_and_none_logs_them(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        for name in ("sip", "worker-0", "worker-1"):
            assert f"{name} agent parrot, token of 7 letters" in plugin.log
        assert "secret!" not in plugin.log
        for pid in plugin.children().values():
            for file in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{file}", "rb") as facts:
                    assert b"secret!" not in facts.read()
