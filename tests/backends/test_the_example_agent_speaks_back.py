import importlib.util
from pathlib import Path

import numpy as np

from tests.leg.network import Phone, connection, place, run, speech

EXAMPLE = Path(__file__).parents[2] / "examples" / "echo_agent.py"


def test_the_example_agent_says_each_turn_back():
    spec = importlib.util.spec_from_file_location("echo_agent", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said = speech(0.6, 24_000)

    async def story():
        async with place({"echo": module.echo}) as where, connection(where) as line:
            phone = await Phone(line, where.agent("echo", input_rate_hz=24_000)).opened()
            phone.call.answered()
            phone.call.prime(1)
            phone.call.commit(1, phone.say(said, 24_000))
            assert np.array_equal(await phone.reply_to(1), said)

    run(story())


def test_the_example_agent_has_thirty_lines():
    code = EXAMPLE.read_text().split('"""', 2)[2]
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 32
