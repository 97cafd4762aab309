import asyncio

import numpy as np

from bridge.gateway.events import Ended
from tests.leg.network import Phone, place, speech
from tests.leg.path import over_path
from tests.leg.virtual import simulate
from tests.quic.caller import Caller, Diary, until


def test_the_gateway_does_not_take_the_second_try_for_another_call():
    async def story():
        diary = Diary()
        async with place({"diary": diary}) as where, over_path(where) as (path, line):
            gateway = where.gateway
            phone = await Phone(line, where.agent("diary")).opened()
            phone.call.answered()
            caller = Caller(phone, line)
            await caller.speak(0.3)
            # What is said to the plugin does not arrive; what it says with its ticket does.
            path.back = lambda data: None
            # What a killed gateway knows of its calls when it is back: nothing.
            gateway._resumable.clear()
            gateway.sids.clear()
            await until(lambda: gateway.stats.calls == 2)
            await until(lambda: line.reconnects == 2)
            del path.back
            speaking = asyncio.ensure_future(caller.speak(4))
            await until(caller.notices)
            phone.call.commit(1, caller.seq - 1)
            reply = await phone.reply_to(1)
            await speaking
            assert np.array_equal(reply, speech(3.0, 24000, seed=1))
            assert caller.notices() == ["model_restarted"]
            assert not caller.failed()
            assert (gateway.stats.calls, gateway.stats.refused) == (3, 0)
            reasons = [event.reason for event in diary.told if isinstance(event, Ended)]
            assert "the plugin has begun it anew" in reasons

    simulate(story())
