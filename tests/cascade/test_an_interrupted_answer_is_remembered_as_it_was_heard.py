import numpy as np

from bridge.backends.cascade.spoken import Spoken
from tests.cascade.desk import agent, call_to, said_by, say
from tests.leg.network import run


def test_an_interruption_stops_the_agent_and_the_next_turn_is_answered():
    async def story():
        async with call_to(agent()) as phone:
            say(phone, 1, "What is on the menu?")
            await phone.until(lambda: len(phone.heard(1)) > 24_000)
            phone.call.cancel(1, 1000)
            say(phone, 2, "What are your opening hours?")
            await phone.reply_to(2)
            first, second = await said_by(phone, "agent", 2)
            assert "There is bread, and cake, and coffee.".startswith(first)
            assert second.startswith("We are open")

    run(story())


def test_the_words_heard_are_those_before_the_position():
    spoken = Spoken(1)
    for sentence, ms in (("One two.", 1000), ("Three four five six.", 2000)):
        spoken.say(sentence)
        spoken.add(ms)
    assert spoken.heard(0) == ""
    assert spoken.heard(1000) == "One two."
    assert spoken.heard(2000) == "One two. Three"
    assert spoken.heard(3000) == "One two. Three four five six."
    assert [len(spoken.heard(ms)) for ms in range(0, 3000, 100)] == sorted(
        len(spoken.heard(ms)) for ms in range(0, 3000, 100)
    )


def test_a_reply_of_no_length_was_not_heard():
    spoken = Spoken(1)
    spoken.say("Never spoken.")
    assert spoken.heard(0) == ""
    assert np.isfinite(spoken.milliseconds)
