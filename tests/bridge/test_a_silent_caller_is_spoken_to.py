from bridge.agent import AgentSpec
from bridge.turn.events import NoInput
from bridge.turn.options import TurnOptions
from tests.bridge.story import Story


def test_the_model_is_invited_and_its_words_are_heard():
    agent = AgentSpec(endpoint="quic://127.0.0.1:4433", turn=TurnOptions(no_input_secs=5))
    story = Story(agent)
    story.caller(6000, speaks=False)
    (invited,) = story.of(NoInput)
    assert story.leg.asked == [("no_input", invited.turn)]
    story.reply(invited.turn, 800)
    story.caller(1000, speaks=False)
    assert story.audible() == 800
