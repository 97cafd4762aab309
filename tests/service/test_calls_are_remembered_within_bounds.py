import json

from sip_plugin.planes.messages import CallEvent, CallReport
from sip_plugin.service.calls import Bounds, CallRegistry, latency_summary
from tests.service.lab import call_state

SMALL = Bounds(ended_calls=3, events_per_call=5, bytes_per_call=4096, running_calls=4)


def told(registry: CallRegistry, sid: str) -> list[str]:
    return [json.loads(line)["event"] for line in registry.get(sid).lines]


def finish(registry: CallRegistry, sid: str, now: float = 0.0) -> None:
    registry.on_state(call_state(sid, "in_progress"), now)
    registry.on_state(call_state(sid, "completed", code=200), now)


def test_a_call_goes_from_dialing_to_completed():
    registry = CallRegistry()
    for now, state in ((10.0, "dialing"), (11.0, "ringing"), (14.5, "in_progress")):
        registry.on_state(call_state("a", state), now)
    assert registry.running == 1
    ended = call_state("a", "completed", code=200, reason="OK", cause="caller_hangup")
    registry.on_state(ended, 20.0)

    call = registry.get("a").summary()
    assert registry.running == 0
    assert (call["created_at"], call["answered_at"], call["ended_at"]) == (10.0, 14.5, 20.0)
    assert call["talked_secs"] == 5.5
    assert (call["state"], call["code"], call["cause"]) == ("completed", 200, "caller_hangup")


def test_a_state_that_is_told_twice_is_one_event():
    registry = CallRegistry()
    assert len(registry.on_state(call_state("a", "ringing"), 1.0)) == 1
    assert registry.on_state(call_state("a", "ringing"), 2.0) == []


def test_only_the_latest_ended_calls_are_kept():
    registry = CallRegistry(SMALL)
    for n in range(5):
        finish(registry, f"c{n}")
    assert [call.sid for call in registry.newest_first()] == ["c4", "c3", "c2"]


def test_a_call_with_endless_events_keeps_the_latest():
    registry = CallRegistry(SMALL)
    registry.on_state(call_state("a", "in_progress"), 0.0)
    for n in range(100):
        registry.on_event(CallEvent(sid="a", event="dtmf", at_ms=n, data={"digit": "1"}), n)
    call = registry.get("a")
    assert told(registry, "a") == ["dtmf"] * 5
    assert call.details()["events_dropped"] == 96
    assert call.lines_bytes == sum(map(len, call.lines))


def test_an_oversized_event_is_told_without_its_data():
    registry = CallRegistry()
    registry.on_state(call_state("a", "in_progress"), 0.0)
    huge = CallEvent(sid="a", event="transcript", at_ms=1, data={"text": "x" * 100_000})
    (record,) = registry.on_event(huge, 1.0)
    assert len(record.line) < 300
    assert json.loads(record.line)["data"]["left_out_bytes"] > 100_000


def test_old_calls_go_when_their_events_are_too_many_bytes():
    registry = CallRegistry(Bounds(ended_bytes=3000))
    for n in range(20):
        finish(registry, f"c{n}")
    kept = registry.newest_first()
    assert kept[0].sid == "c19"
    assert sum(call.lines_bytes for call in kept) <= 3000


def test_events_of_unknown_calls_are_refused_and_counted():
    registry = CallRegistry()
    assert registry.on_event(CallEvent(sid="ghost", event="dtmf", at_ms=0), 0.0) == []
    assert registry.on_report(CallReport(sid="ghost", report={}), 0.0) == []
    assert registry.refused == 2


def test_a_call_beyond_the_bound_of_running_ones_is_not_followed():
    registry = CallRegistry(SMALL)
    for n in range(6):
        registry.on_state(call_state(f"c{n}", "dialing"), 0.0)
    assert registry.running == 4
    assert registry.refused == 2


def test_calls_end_with_the_process_that_held_them():
    registry = CallRegistry()
    registry.on_state(call_state("a", "in_progress"), 5.0)
    finish(registry, "b")
    (record,) = registry.lose_all("sip_process_lost", "killed by SIGSEGV", 9.0)
    assert record.sid == "a"
    assert registry.get("a").summary()["cause"] == "sip_process_lost"
    assert registry.running == 0


def test_a_call_that_was_thought_lost_can_come_back():
    registry = CallRegistry()
    registry.on_state(call_state("a", "in_progress"), 5.0)
    registry.lose_all("link_lost", "out of reach", 9.0)
    registry.on_state(call_state("a", "in_progress"), 10.0)
    call = registry.get("a").summary()
    assert (call["state"], call["answered_at"], call["ended_at"]) == ("in_progress", 5.0, None)


def test_a_late_final_state_does_not_rewrite_a_call_that_has_ended():
    registry = CallRegistry()
    finish(registry, "a")
    assert registry.on_state(call_state("a", "failed", code=500), 9.0) == []
    assert registry.get("a").state == "completed"


def test_turn_latency_is_summed_up_by_part():
    turns = [{"commit_ms": float(n), "total_ms": 10.0 * n} for n in range(1, 101)]
    assert latency_summary(turns) == {
        "commit_ms": {"p50": 50.0, "p95": 95.0, "p99": 99.0},
        "total_ms": {"p50": 500.0, "p95": 950.0, "p99": 990.0},
    }
    assert latency_summary([{"total_ms": 7.0}]) == {
        "total_ms": {"p50": 7.0, "p95": 7.0, "p99": 7.0}
    }
    assert latency_summary([]) == {}


def test_a_latency_that_is_no_number_is_left_out():
    registry = CallRegistry()
    registry.on_state(call_state("a", "in_progress"), 0.0)
    data = {"turn": 1, "commit_ms": "soon", "model_ms": True, "playout_ms": 12, "total_ms": None}
    registry.on_event(CallEvent(sid="a", event="turn_latency", at_ms=0, data=data), 1.0)
    assert list(registry.get("a").turns) == [{"playout_ms": 12.0}]
