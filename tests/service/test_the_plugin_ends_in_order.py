import signal
import time

import pytest

from tests.service.supervised import Supervised, alive


def nothing_left(plugin: Supervised, children: dict[str, int]) -> bool:
    sockets = list(plugin.run_dir.glob("*.sock")) + list(plugin.run_dir.glob("*.child"))
    return not sockets and not any(map(alive, children.values()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_plugin_ends_at_once_and_leaves_nothing(tmp_path, number):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        children = plugin.children()
        assert plugin.end(number) == 0
        assert nothing_left(plugin, children)
        assert "Traceback" not in plugin.log


def test_a_running_call_may_end_within_the_drain(tmp_path):
    drain = '{"service": {"drain_secs": 60}}'
    with Supervised(tmp_path, "--config", drain) as plugin:
        plugin.wait_ready()
        sid = plugin.originate("123")
        plugin.process.send_signal(signal.SIGTERM)
        plugin.wait(lambda: "drain asked for" in plugin.log, "the drain")
        assert "draining" in plugin.get("/readyz")["reasons"][0]
        assert plugin.get(f"/v1/calls/{sid}")["state"] == "in_progress"

        import asyncio

        from sip_plugin.service.client import ControlClient

        async def hang_up() -> None:
            async with ControlClient(plugin.run_dir / "control.sock") as client:
                await client.hangup(sid)

        asyncio.run(hang_up())
        assert plugin.process.wait(20) == 0
        assert "hanging up" not in plugin.log


def test_a_call_that_outlasts_the_drain_is_hung_up(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        sid = plugin.originate("123")
        assert plugin.end() == 0
        assert "hanging up 1 call(s)" in plugin.log
        assert f"hangup {sid} the plugin stops" in plugin.log


def test_a_second_signal_does_not_wait_for_calls(tmp_path):
    drain = '{"service": {"drain_secs": 600}}'
    with Supervised(tmp_path, "--config", drain) as plugin:
        plugin.wait_ready()
        children = plugin.children()
        plugin.originate("999")  # does not hang up when asked to
        plugin.process.send_signal(signal.SIGTERM)
        plugin.wait(lambda: "drain asked for" in plugin.log, "the drain")
        assert plugin.end() == 0
        assert nothing_left(plugin, children)


def test_children_that_ignore_sigterm_are_killed(tmp_path):
    with Supervised(tmp_path, "--deaf", "sip,worker-0") as plugin:
        plugin.wait_ready()
        children = plugin.children()
        assert plugin.end() == 0
        assert nothing_left(plugin, children)
        assert "worker-0 did not end within 2 s" in plugin.log


def test_children_die_with_a_supervisor_that_is_killed(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        children = plugin.children()
        plugin.process.kill()
        plugin.process.wait()
        plugin.wait(lambda: not any(map(alive, children.values())), "the end of all children")


def test_the_next_plugin_kills_what_outlived_the_last_one(tmp_path):
    with Supervised(tmp_path, "--deaf", "worker-0") as plugin:
        plugin.wait_ready()
        left = plugin.children()["worker-0"]
        plugin.process.kill()
        plugin.process.wait()
        time.sleep(0.2)
        assert alive(left)
        with Supervised(tmp_path) as successor:
            successor.wait_ready()
            assert not alive(left)
            assert successor.end() == 0


def test_two_plugins_do_not_share_a_folder(tmp_path):
    with Supervised(tmp_path) as plugin:
        plugin.wait_ready()
        children = plugin.children()
        with Supervised(tmp_path) as second:
            assert second.process.wait(20) == 1
        assert f"another sip-plugin runs there (pid {plugin.process.pid})" in plugin.log
        assert plugin.children() == children
        assert plugin.get("/readyz")["ready"]
