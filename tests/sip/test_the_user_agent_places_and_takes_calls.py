"""The facade as the demo's caller uses it, in this process, against a phone of raw bytes."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from sip_plugin.media.description import PhoneCodec
from sip_plugin.sip.agent import AccountOptions, AgentOptions, UserAgent
from sip_plugin.sip.errors import StackError
from sip_plugin.sip.events import (
    Accept,
    Confirmed,
    Ended,
    Event,
    Invite,
    LocalMedia,
    MediaChanged,
    Refuse,
)
from tests.sip.phone import Phone, offer

LOCAL = LocalMedia("127.0.0.1", 45000, (PhoneCodec.ALAW,))


class Heard:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._more.set()

    async def wait(self, kind: type[Event]) -> Event:
        async with asyncio.timeout(8):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def agent(
    heard: Heard, on_invite: Callable[[Invite], Accept | Refuse] = lambda _: Accept(LOCAL)
) -> AsyncIterator[tuple[UserAgent, Phone]]:
    agent = UserAgent(AgentOptions(), heard, on_invite)
    await agent.start()
    phone = Phone(("127.0.0.1", agent.port))
    agent.add_account(AccountOptions("caller", "sip:caller@127.0.0.1"))
    try:
        yield agent, phone
    finally:
        phone.close()
        await agent.close(0.5)
        gc.collect()


async def off_loop(act: Callable, *arguments):
    return await asyncio.to_thread(act, *arguments)


def test_a_call_out_with_its_own_port_and_codec():
    async def story() -> None:
        heard = Heard()
        async with agent(heard) as (ours, phone):
            uri = f"sip:bob@127.0.0.1:{phone.port}"
            sid = ours.call("caller", uri, LOCAL, headers=[("X-Long", "y" * 900)])
            invite = await off_loop(phone.expect, "INVITE")
            assert (invite.port, invite.formats[0]) == (45000, "8")
            assert "0" not in invite.formats
            phone.answer_call(invite, offer(42000, "8 101"))
            await off_loop(phone.expect, "ACK")
            media = (await heard.wait(MediaChanged)).media
            assert (media.remote_rtp_port, media.codec) == (42000, PhoneCodec.ALAW)
            await heard.wait(Confirmed)
            ours.hold(sid)
            held = await off_loop(phone.expect, "INVITE")
            assert "a=sendonly" in held.body
            phone.answer_call(held, offer(42000, "8 101", extra="a=recvonly\r\n"))
            await off_loop(phone.expect, "ACK")
            ours.hangup(sid, headers=[("Reason", "SIP;cause=200")])
            bye = await off_loop(phone.expect, "BYE")
            assert bye.headers["reason"] == "SIP;cause=200"
            phone.reply(bye, 200)
            ended = await heard.wait(Ended)
            assert (ended.sid, ended.by_us) == (sid, True)

    asyncio.run(story())


def test_a_request_above_1300_bytes_goes_by_udp():
    async def story() -> None:
        async with agent(Heard()) as (ours, phone):
            headers = [(f"X-{n}", "y" * 200) for n in range(8)]
            ours.call("caller", f"sip:bob@127.0.0.1:{phone.port}", LOCAL, headers=headers)
            invite = await off_loop(phone.expect, "INVITE")
            assert "UDP" in invite.headers["via"]
            phone.reply(invite, 603, "Decline")

    asyncio.run(story())


def test_an_exception_in_the_decision_refuses_the_call():
    def fail(invite: Invite) -> Accept:
        raise RuntimeError("the decision failed")

    async def story() -> None:
        heard = Heard()
        async with agent(heard, fail) as (_, phone):
            phone.invite()
            refused = await off_loop(phone.final)
            assert refused.code == 500
            phone.ack(refused)
            assert await off_loop(phone.options) == 200
            assert heard.events == []

    asyncio.run(story())


def test_an_exception_in_an_observer_does_not_harm_the_call():
    async def story() -> None:
        heard = Heard()

        def observe(event: Event) -> None:
            heard(event)
            raise RuntimeError("the observer failed")

        async with agent(observe) as (ours, phone):
            phone.invite()
            while not ours.sids:
                await asyncio.sleep(0)
            ours.answer(ours.sids[0], 200)
            phone.ack(await off_loop(phone.expect, 200))
            await heard.wait(Confirmed)
            await off_loop(phone.hang_up)

    asyncio.run(story())


def test_what_fails_after_a_callback_leaves_the_stack_looked_after(caplog):
    async def story() -> None:
        heard = Heard()
        async with agent(heard) as (ours, phone):
            with pytest.raises(StackError, match="absent is not ready"):
                ours.call("absent", f"sip:bob@127.0.0.1:{phone.port}", LOCAL)
            ours.later({}.popitem)
            assert await off_loop(phone.options) == 200
        assert "what was to be done after a callback of the stack failed" in caplog.text

    asyncio.run(story())
