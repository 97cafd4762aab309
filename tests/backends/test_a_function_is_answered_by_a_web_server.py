import asyncio
import contextlib

import pytest
from aiohttp import web
from pydantic import SecretStr

from bridge.backends.functions import MAX_RESULT
from bridge.backends.options import ToolOptions
from bridge.backends.webhook import webhook
from tests.backends.desk import info


async def ask(handler, **options) -> str:
    app = web.Application()
    app.router.add_post("/orders", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/orders"
    tool = ToolOptions(name="look_up", url=url, token=SecretStr("hush"), **options)
    try:
        return await webhook(tool)(info(), {"number": 7})
    finally:
        await runner.cleanup()


def test_the_arguments_go_out_and_the_text_comes_back():
    async def orders(request):
        body = await request.json()
        assert request.headers["Authorization"] == "Bearer hush"
        assert (body["sid"], body["name"]) == ("call-1", "look_up")
        assert body["arguments"] == {"number": 7}
        return web.Response(text="two loaves")

    assert asyncio.run(ask(orders)) == "two loaves"


def test_an_answer_that_comes_in_pieces_is_whole():
    async def orders(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b"two ", b"loaves"):
            await response.write(piece)
            await asyncio.sleep(0.05)
        return response

    assert asyncio.run(ask(orders)) == "two loaves"


def test_an_answer_without_an_end_is_cut():
    async def orders(request):
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"loaves " * 1000)
        return response

    assert len(asyncio.run(ask(orders))) >= MAX_RESULT


@pytest.mark.parametrize(
    ("status", "options", "told"), [(500, {}, "HTTP 500"), (200, {"timeout_secs": 0.05}, "0.05 s")]
)
def test_what_goes_wrong_is_said_for_the_model(status, options, told):
    async def orders(request):
        if options:
            await asyncio.sleep(0.3)
        return web.Response(status=status)

    with pytest.raises(ValueError, match=told):
        asyncio.run(ask(orders, **options))


def test_nobody_there_is_said_for_the_model():
    tool = ToolOptions(name="look_up", url="http://127.0.0.1:9/orders")
    with pytest.raises(ValueError, match="cannot be reached"):
        asyncio.run(webhook(tool)(info(), {}))
