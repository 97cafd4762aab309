import asyncio
import contextlib

import aiohttp
from pydantic import SecretStr

from bridge.backends import OpenAiOptions, build
from bridge.gateway.clock import SpeechClock
from bridge.gateway.parrot import Parrot
from sip_plugin.gateway.status import StatusServer
from tests.backends.calls import answered, turn
from tests.backends.desk import Answer, ms
from tests.backends.web import web_server
from tests.gateway.command import started
from tests.leg.network import Phone, connection, place, run, talks


@contextlib.asynccontextmanager
async def status_of(gateway):
    async with StatusServer(gateway, "127.0.0.1", 0) as status, aiohttp.ClientSession() as http:

        async def get(path: str) -> aiohttp.ClientResponse:
            answer = await http.get(status.url + path)
            await answer.read()
            return answer

        yield get


async def figures(get) -> dict[str, float]:
    text = await (await get("/metrics")).text()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_health_says_what_is_there_and_that_it_ends():
    async def story():
        async with place() as where, connection(where) as line, status_of(where.gateway) as get:
            await Phone(line, where.agent()).opened()
            answer = await get("/healthz")
            assert (answer.status, await answer.json()) == (
                200,
                {"status": "ok", "connections": 1, "calls": 1, "agents": ["greeter", "parrot"]},
            )
            where.gateway.closing = True
            assert (await get("/healthz")).status == 503
            assert (await get("/else")).status == 404

    run(story())


def test_metrics_count_calls_servers_and_what_went_wrong():
    async def story():
        async with web_server(Answer(ms(100)), Answer(ms(100))) as server:
            options = OpenAiOptions(url=server.url, api_key=SecretStr("hush"))
            agents = {"model": build("model", options, None), "slow": Parrot(SpeechClock(), 250, 0)}
            async with (
                place(agents) as where,
                connection(where) as line,
                status_of(where.gateway) as get,
            ):
                await Phone(line, where.agent("nobody")).failed()
                await talks(line, where.agent("slow"))
                phone = await answered(line, where)
                await turn(phone, 1)
                await server.sockets[0].close(code=1012)
                await turn(phone, 2)
                found = await figures(get)
        model = 'agent="model"'
        assert found["sip_gateway_connected"] == 1
        assert found["sip_gateway_calls_total"] == 2
        assert found["sip_gateway_refused_total"] == 1
        assert found[f"sip_gateway_agent_calls_running{{{model}}}"] == 1
        assert found[f"sip_gateway_backend_sessions_total{{{model}}}"] == 2
        assert found[f"sip_gateway_backend_replies_total{{{model}}}"] == 2
        lost = f'sip_gateway_backend_lost_total{{{model},code="backend_lost"}}'
        assert found[lost] == found[lost.replace("_lost_t", "_notices_t")] == 1
        speaks = "sip_gateway_agent_first_audio_seconds"
        assert found[f'{speaks}_count{{agent="model"}}'] == 2
        assert found[f'{speaks}_bucket{{agent="slow",le="0.2"}}'] == 0
        assert found[f'{speaks}_bucket{{agent="slow",le="+Inf"}}'] == 1

    run(story())


def test_servers_that_are_not_there_are_told_at_start(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[gateway]\nlisten = "127.0.0.1:0"\nmetrics_listen = "127.0.0.1:0"\n'
        '[agents.gone]\nbackend = "vllm"\nmodel = "m"\nurl = "ws://127.0.0.1:9/v1/realtime"\n'
        '[agents.test]\nbackend = "scripted"\n'
    )

    async def story():
        process = await started("-c", str(path))
        async with asyncio.timeout(30):
            warned = (await process.stderr.readline()).decode()
        assert "agents.gone: 127.0.0.1:9: backend_unreachable: 127.0.0.1:9: Conn" in warned
        process.terminate()
        printed, errors = await process.communicate()
        assert process.returncode == 0, errors
        assert b"metrics: http://127.0.0.1:" in printed

    run(story())
