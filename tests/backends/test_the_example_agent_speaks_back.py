import asyncio
import importlib.util
import tomllib
from pathlib import Path

import numpy as np

from bridge import GatewayOptions
from bridge.agent import AgentSpec
from bridge.leg.quic import QuicConnection
from sip_plugin.config.load import load
from tests.leg.network import Phone, connection, place, speech
from tests.leg.virtual import simulate

EXAMPLE = Path(__file__).parents[2] / "examples" / "echo_agent.py"


def loaded():
    spec = importlib.util.spec_from_file_location("echo_agent", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_agent_says_each_turn_back():
    module = loaded()
    said = speech(0.6, 24_000)

    async def story():
        async with place({"echo": module.echo}) as where, connection(where) as line:
            phone = await Phone(line, where.agent("echo", input_rate_hz=24_000)).opened()
            phone.call.answered()
            phone.call.prime(1)
            phone.call.commit(1, phone.say(said, 24_000))
            assert np.array_equal(await phone.reply_to(1), said)

    simulate(story())


def test_as_a_program_it_prints_the_lines_of_the_plugins_table(monkeypatch, tmp_path, capsys):
    module = loaded()
    # The port is the only thing of it that a test cannot have.
    monkeypatch.setattr(module, "GatewayOptions", lambda **of: GatewayOptions(**of | {"port": 0}))
    monkeypatch.chdir(tmp_path)
    said = speech(0.6, 24_000)

    async def story():
        serving = asyncio.create_task(module.main())
        printed = ""
        async with asyncio.timeout(10):
            while "tls" not in printed:
                await asyncio.sleep(0.01)
                printed += capsys.readouterr().out
        spec = AgentSpec(**tomllib.loads(printed))
        line = QuicConnection(spec.endpoint, spec.tls)
        phone = await Phone(line, spec).opened()
        phone.call.answered()
        phone.call.prime(1)
        phone.call.commit(1, phone.say(said, 24_000))
        assert np.array_equal(await phone.reply_to(1), said)
        await line.close()
        serving.cancel()

    simulate(story())


def test_the_example_agent_has_thirty_lines():
    code = EXAMPLE.read_text().split('"""', 2)[2]
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 32


def test_the_plugins_side_of_it_is_what_it_prints():
    table = tomllib.loads(EXAMPLE.with_name("echo.toml").read_text())["agents"]["echo"]
    source = EXAMPLE.read_text()
    for line in (f'agent = "{table["agent"]}"', f"input_rate_hz = {table['input_rate_hz']}"):
        assert line in source
    assert f'ca_out="{table["tls"]["ca_file"]}"' in source
    assert f"port={table['endpoint'].rsplit(':', 1)[1]}" in source


def test_the_plugin_takes_its_configuration():
    config = load(EXAMPLE.with_name("echo.toml"))
    assert list(config.agents) == ["echo"]
