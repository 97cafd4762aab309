"""The tables of echo by return loss and noise are of lines that have them."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.speech_corpus import load
from benchmarks.turns_echo import AGENT_DBFS, alone, erle_db, interrupted
from bridge.audio.level import dbfs
from bridge.profile import LegProfile

NOWHERE = Path("/nowhere")
CORPUS = load("test", NOWHERE, NOWHERE)


def level(samples: np.ndarray) -> float:
    return float(dbfs(samples))


@pytest.mark.parametrize("noise_dbfs", [-60.0, -42.0])
@pytest.mark.parametrize("erl_db", [6.0, 24.0])
def test_noise_and_echo(noise_dbfs, erl_db):
    [call] = alone(CORPUS, 1, noise_dbfs, erl_db)
    said = call.agent_turns[0]
    begin, end = (int(ms) * 8 for ms in (said.begin_ms, said.end_ms))
    agent, caller = call.recording.agent, call.recording.caller
    assert level(caller[: begin - 160]) == pytest.approx(noise_dbfs, abs=2.0)
    echo = 10 * np.log10(max(np.mean(caller[begin:end].astype(float) ** 2), 1.0) / 32768**2)
    expected = 10 * np.log10(
        np.mean(agent[begin:end].astype(float) ** 2) / 32768**2 * 10 ** (-erl_db / 10)
        + 10 ** (noise_dbfs / 10)
    )
    assert echo == pytest.approx(expected, abs=2.0)
    assert level(agent[begin:end]) == pytest.approx(AGENT_DBFS, abs=3.0)


def test_a_caller_on_a_line_without_echo():
    [call] = interrupted(CORPUS, 1, -28.0, None)
    said = call.barge_ins[0]
    part = slice(int(said.begin_ms) * 8, int(said.end_ms) * 8)
    assert level(call.recording.caller[part]) == pytest.approx(-28.0, abs=2.5)


def test_without_a_canceller_nothing_is_removed():
    [call] = alone(CORPUS, 1, -60.0, 6.0)
    assert erle_db(call, LegProfile(canceller="none")) == pytest.approx((0.0, 0.0), abs=1.5)
