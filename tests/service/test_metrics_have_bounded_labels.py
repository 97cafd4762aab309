import re

from sip_plugin.planes.messages import CallEvent, CallRefused, CallReport
from sip_plugin.service.state import PluginState
from tests.service.lab import CONFIG, REGISTERED, WORKER, call_state


def scraped(state: PluginState) -> str:
    return state.exposition().decode()


def value(text: str, line: str) -> float:
    (found,) = re.findall(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return float(found)


def strange_things(state: PluginState, numbers: range) -> None:
    for n in numbers:
        state.take(CallRefused(code=1000 + n, reason=f"r{n}", trunk=f"t{n}", called=f"+1555{n}"))
        state.take(call_state(f"s{n}", "in_progress", caller=f"+4915{n}"))
        state.take(CallEvent(sid=f"s{n}", event=f"event-{n}", at_ms=0))
        state.take(CallReport(sid=f"s{n}", report={"rtp": {f"counter-{n}": 1}}))
        state.take(call_state(f"s{n}", "failed", code=-n, trunk=f"x{n}"))


def test_strangers_cannot_make_new_series():
    state = PluginState(CONFIG, ["sip", "worker-0"])
    strange_things(state, range(1, 3))
    before = len(scraped(state).splitlines())
    strange_things(state, range(3, 301))
    text = scraped(state)
    assert len(text.splitlines()) == before
    for private in ("+1555", "+4915", "s7", "event-7", "counter-7"):
        assert private not in text
    assert value(text, 'sip_plugin_calls_refused_total{code="none",trunk="unknown"}') == 300


def test_turn_latency_is_a_histogram_by_part_in_seconds():
    state = PluginState(CONFIG, ["sip"])
    state.take(call_state("a", "in_progress"))
    data = {"turn": 1, "commit_ms": 500, "model_ms": 40, "playout_ms": 8.5, "total_ms": 548.5}
    state.take(CallEvent(sid="a", event="turn_latency", at_ms=1, data=data))
    text = scraped(state)
    assert value(text, 'sip_plugin_turn_latency_seconds_sum{part="total"}') == 0.5485
    assert value(text, 'sip_plugin_turn_latency_seconds_bucket{le="0.05",part="model"}') == 1
    assert value(text, 'sip_plugin_turn_latency_seconds_count{part="commit"}') == 1


def test_rtp_counters_add_up_over_calls_and_nonsense_is_left_out():
    state = PluginState(CONFIG, ["sip"])
    for sid, received in (("a", 100), ("b", 50), ("c", "many"), ("d", -5), ("e", float("inf"))):
        state.take(call_state(sid, "in_progress"))
        state.take(CallReport(sid=sid, report={"rtp": {"received": received}}))
    assert value(scraped(state), 'sip_plugin_rtp_total{counter="received"}') == 150


def test_calls_are_counted_by_how_they_ended():
    state = PluginState(CONFIG, ["sip", "worker-0"])
    for sid, last, code in (("a", "completed", 200), ("b", "failed", 486), ("c", "failed", 486)):
        state.take(call_state(sid, "dialing"))
        state.take(call_state(sid, last, code=code))
    state.take(call_state("d", "in_progress"))
    text = scraped(state)
    busy = '{code="486",direction="outbound",state="failed",trunk="main"}'
    assert value(text, f"sip_plugin_calls_ended_total{busy}") == 2
    assert value(text, "sip_plugin_calls_running") == 1


def test_processes_and_trunks_are_seen():
    state = PluginState(CONFIG, ["sip", "worker-0"])
    state.link_changed(True)
    state.take(REGISTERED)
    state.take(WORKER)
    state.child_started("worker-0", 100)
    state.child_ended("worker-0", "killed by SIGSEGV", restarts=True)
    text = scraped(state)
    assert value(text, "sip_plugin_sip_linked") == 1
    assert value(text, "sip_plugin_rtp_leases") == 4
    assert value(text, 'sip_plugin_trunk_usable{trunk="main"}') == 1
    assert value(text, 'sip_plugin_child_restarts_total{child="worker"}') == 1
    state.link_changed(False)
    assert value(scraped(state), 'sip_plugin_trunk_usable{trunk="main"}') == 0
