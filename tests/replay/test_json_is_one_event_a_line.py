import json

from tests.replay.calls import replay, track, write

EVENTS = {
    "speech_start",
    "speech_end",
    "prime",
    "commit",
    "retract",
    "backchannel",
    "barge_in_armed",
    "barge_in_rejected",
    "cancel",
}


def a_call(folder):
    """A turn, the agent's answer, into which the caller mutters and then speaks."""
    caller = track(16, (0.5, "turn_1"), (5.5, "backchannel"), (8.0, "barge_in"))
    agent = track(16, (3.5, "turn_4"), (6.3, "turn_5"), (8.9, "turn_2"))
    return write(folder / "caller.wav", caller), write(folder / "agent.wav", agent)


def test_standard_output_is_json_lines_and_nothing_else(tmp_path):
    caller, agent = a_call(tmp_path)
    done = replay(caller, "--agent", agent, "--json")
    assert done.exit_code == 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        assert list(event)[:2] == ["at_ms", "event"]
        assert isinstance(event["at_ms"], float)
        assert event["event"] in EVENTS
    assert [e["at_ms"] for e in events] == sorted(e["at_ms"] for e in events)
    names = [event["event"] for event in events]
    for name in ("prime", "commit", "backchannel", "barge_in_armed", "barge_in_rejected", "cancel"):
        assert name in names


def test_a_picture_and_progress_leave_standard_output_alone(tmp_path):
    caller, agent = a_call(tmp_path)
    bare = replay(caller, "--agent", agent, "--json")
    for name in ("call.png", "call.svg"):
        drawn = replay(caller, "--agent", agent, "--json", "--plot", tmp_path / name)
        assert drawn.exit_code == 0
        assert drawn.stdout == bare.stdout
        assert (tmp_path / name).stat().st_size > 10_000


def test_a_cancel_tells_how_much_of_the_agent_was_heard(tmp_path):
    caller, agent = a_call(tmp_path)
    lines = replay(caller, "--agent", agent, "--json").stdout.splitlines()
    (cancel,) = (e for e in map(json.loads, lines) if e["event"] == "cancel")
    # The agent's turn that is cut has begun at 6.3 s or, without a gap of 200 ms, at 3.5 s.
    assert cancel["heard_ms"] in (cancel["at_ms"] - 6300, cancel["at_ms"] - 3500)


def test_an_empty_or_silent_recording_has_no_events(tmp_path):
    for secs in (0, 0.01, 3):
        done = replay(write(tmp_path / "silence.wav", track(secs)), "--json")
        assert (done.exit_code, done.stdout) == (0, "")


def test_without_json_people_get_a_timeline_and_a_summary(tmp_path):
    caller, agent = a_call(tmp_path)
    told = replay(caller, "--agent", agent).stdout
    assert "commit: turn 1 is over" in told
    assert "agent begins to speak" in told
    assert "turns committed" in told
