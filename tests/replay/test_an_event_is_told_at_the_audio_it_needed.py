import json

from tests.replay.calls import replay, track, write


def events_of(path, pcm):
    done = replay(write(path, pcm), "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_recording_that_ends_at_an_event_has_it_and_one_frame_less_has_not(tmp_path):
    pcm = track(7, (0.5, "turn_1"), (4.0, "turn_3"))
    whole = events_of(tmp_path / "a.wav", pcm)
    assert {"prime", "commit"} <= {event["event"] for event in whole}
    for i in (1, len(whole) // 2, len(whole) - 1):
        at_ms = whole[i]["at_ms"]
        upto = [event for event in whole if event["at_ms"] <= at_ms]
        assert events_of(tmp_path / "b.wav", pcm[: int(at_ms * 8)]) == upto
        before = [event for event in whole if event["at_ms"] < at_ms]
        assert events_of(tmp_path / "c.wav", pcm[: int((at_ms - 20) * 8)]) == before


def test_no_event_lies_beyond_the_end_of_the_recording(tmp_path):
    pcm = track(7, (0.5, "turn_1"))
    at_ms = events_of(tmp_path / "a.wav", pcm)[0]["at_ms"]
    # The last frame is cut in its middle.
    cut = events_of(tmp_path / "b.wav", pcm[: int(at_ms * 8) - 80])
    assert all(event["at_ms"] <= at_ms - 10 for event in cut)


def test_a_commit_comes_after_the_silence_that_was_asked_for(tmp_path):
    path = write(tmp_path / "a.wav", track(6, (0.5, "turn_1")))
    for silence_ms in (400, 1000):
        done = replay(path, "--json", "--set", f"silence_threshold_ms={silence_ms}")
        (commit,) = (e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "commit")
        assert commit["at_ms"] - commit["speech_end_ms"] == silence_ms
