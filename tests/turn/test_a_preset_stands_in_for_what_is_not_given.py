import pytest
from pydantic import ValidationError

from bridge.turn.options import TurnOptions
from bridge.turn.presets import PRESETS


def test_what_is_given_wins_value_by_value():
    options = TurnOptions(preset="phone", barge_confirm_ms=350)
    assert options.barge_confirm_ms == 350
    assert options.endpointing == PRESETS["phone"]["endpointing"]


def test_also_when_what_is_given_is_the_default():
    assert TurnOptions(preset="phone", silence_threshold_ms=500).silence_threshold_ms == 500


def test_the_defaults_are_the_documents():
    options = TurnOptions()
    assert options == TurnOptions(preset="document")
    assert (options.silence_threshold_ms, options.barge_confirm_ms) == (500, 300)
    assert (options.response_min_speech_ms, options.commit_min_interval_ms) == (600, 1500)


@pytest.mark.parametrize("name", PRESETS)
def test_it_survives_the_way_to_another_process(name):
    options = TurnOptions(preset=name, barge_gap_ms=123)
    assert TurnOptions.model_validate_json(options.model_dump_json()) == options


@pytest.mark.parametrize("name", ["fone", 7, None, ["phone"]])
def test_an_unknown_one_is_an_error(name):
    with pytest.raises(ValidationError) as error:
        TurnOptions(preset=name)
    assert error.value.errors()[0]["loc"] == ("preset",)
