import pytest

from sip_plugin.replay.settings import SettingError, settle
from tests.replay.calls import replay, track, write


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "silence_treshold_ms=400"], 'did you mean "silence_threshold_ms"'),
        (["--set", "zzz=400"], "there are: adaptive_max_ms"),
        (["--set", "silence_threshold_ms"], "a setting is KEY=VALUE"),
        (["--set", "silence_threshold_ms=5"], "silence_threshold_ms=5: must be at least 100"),
        (["--set", "silence_threshold_ms=long"], "must be a whole number"),
        (["--set", "quiet_gate_dbfs=NaN"], "quiet_gate_dbfs"),
        (["--set", "canceller=best"], 'must be "aec3", "webrtc_apm" or "none"'),
        (["--preset", "documnt"], 'did you mean "document"'),
        (["--profile", "handset"], "there are: raw, aec"),
        (["--plot", "call.gif"], "a picture is a .png or a .svg file"),
        (["--reply-ms", "-1"], "--reply-ms"),
    ],
)
def test_it_is_refused(tmp_path, arguments, words):
    done = replay(write(tmp_path / "c.wav", track(1)), *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.replace("│", "").split())


def test_a_value_given_wins_over_the_preset_and_that_over_the_profile():
    assert settle("raw", "document", []).options.silence_threshold_ms == 500
    chosen = settle("raw", "phone", ["silence_threshold_ms=640", "endpointing=adaptive"]).options
    assert (chosen.silence_threshold_ms, chosen.endpointing) == (640, "adaptive")
    assert chosen.barge_confirm_ms == settle("raw", "phone", []).options.barge_confirm_ms
    for profile in ("raw", "aec"):
        options = settle(profile, None, ["agent_gate_dbfs=-38", "barge_confirm_ms=350"]).options
        assert (options.agent_gate_dbfs, options.barge_confirm_ms) == (-38, 350)


def test_the_profile_chooses_the_canceller_unless_it_is_given():
    assert settle("raw", None, []).profile.canceller == "aec3"
    assert settle("aec", None, []).profile.canceller == "none"
    assert settle("raw", None, ["canceller=none"]).profile.canceller == "none"


def test_the_first_wrong_setting_is_an_error_for_callers_too():
    with pytest.raises(SettingError):
        settle("raw", None, ["vad_threshold=2"])
