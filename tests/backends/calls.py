"""A call through a real gateway to a model's server."""

import contextlib

import numpy as np
from pydantic import SecretStr

from bridge.backends import OpenAiOptions, build
from tests.leg.network import Phone, connection, place, speech


@contextlib.asynccontextmanager
async def line_to(server, hooks=None, **options):
    given = {"url": server.url, "api_key": SecretStr("hush"), "connect_timeout_secs": 2}
    agent = build("model", OpenAiOptions(**(given | options)), None)
    agent.functions |= hooks or {}
    async with place({"model": agent}) as where, connection(where) as line:
        yield where, line


async def answered(line, where) -> Phone:
    phone = await Phone(line, where.agent("model")).opened()
    phone.call.answered()
    return phone


async def turn(phone, number: int, secs: float = 0.5) -> np.ndarray:
    phone.call.prime(number)
    phone.call.commit(number, phone.say(speech(secs, seed=number)))
    return await phone.reply_to(number)


def of(phone, kind):
    return [event for event in phone.events if isinstance(event, kind)]
