"""Calls through a relay that we did not write, while one or the other hop of them breaks."""

import asyncio
import contextlib
import signal

import pytest

from bridge.agent import TlsOptions
from bridge.gateway.events import Answered, Committed, Ended
from bridge.leg.interface import LegFailed, Noticed, ReplyAudio, ReplyEnd
from bridge.leg.quic import QuicConnection
from tests.leg.hearing import best_match
from tests.leg.network import AgentSpec, Phone, place, run, silence, speech
from tests.leg.path import Path
from tests.peers.aiomoqt_peer import Relay
from tests.peers.plugin import COMMAND
from tests.peers.ports import Ports
from tests.peers.process import Process
from tests.quic.caller import Caller, Diary, until

PATIENCE = 20


@contextlib.asynccontextmanager
async def call_through(
    relay: Relay,
    diary: Diary,
    *,
    plugin_at: str = "",
    gateway_at: str = "",
    delivery: str = "stream",
    **options,
):
    """A call that is open, its caller, and the gateway. What an agent says at once this relay
    passes on whole only on streams."""
    options = {
        "resume_secs": 60,
        "relays": (gateway_at or relay.endpoint,),
        "relay_ca_file": str(relay.ca_file),
        **options,
    }
    async with place({"diary": diary}, **options) as where:
        async with asyncio.timeout(PATIENCE):
            await where.gateway.relays[0].connected.wait()
        endpoint = plugin_at or relay.endpoint
        line = QuicConnection(endpoint, TlsOptions(ca_file=str(relay.ca_file)))
        try:
            agent = AgentSpec(endpoint=endpoint, agent="diary", audio_delivery=delivery)
            phone = await Phone(line, agent).opened()
            phone.call.answered()
            yield phone, Caller(phone, line), where.gateway
        finally:
            await line.close()


async def through(path: Path) -> str:
    return (await path.open()).replace("quic://", "moqt://") + "/"


async def speaks_until(caller: Caller, done) -> None:
    async with asyncio.timeout(PATIENCE):
        while not done():
            await caller.speak(0.2)


async def is_answered(caller: Caller, turn: int, *, whole: bool = True) -> None:
    """Ends a turn now, and hears the reply to it."""
    caller.phone.call.commit(turn, caller.seq - 1)
    await hears(caller, turn, whole=whole)


async def hears(caller: Caller, turn: int, *, whole: bool = True) -> None:
    """Speaks until there is the reply to a turn."""
    speaking = asyncio.ensure_future(caller.speak(PATIENCE))
    await caller.phone.reply_to(turn)
    speaking.cancel()
    assert_heard(caller.phone, turn, whole=whole)


def assert_heard(phone: Phone, turn: int, *, whole: bool) -> None:
    """Of the reply to a turn every frame that was heard is what the agent has said there."""
    said = speech(3.0, 24000, seed=turn)
    frames = [e for e in phone.events if isinstance(e, ReplyAudio) and e.turn == turn]
    for frame in frames:
        assert frame.payload == said[frame.timestamp : frame.timestamp + 480].tobytes()
    assert len({frame.seq for frame in frames}) == len(frames)
    assert len(frames) == 150 if whole else frames


def lost(phone: Phone) -> bool:
    return phone.call.core.lost


def assert_it_went_on(phone: Phone, caller: Caller, diary: Diary, gateway) -> None:
    """A break, or more on a machine that is busy for seconds, which neither the agent nor the
    caller's words suffered from."""
    assert set(caller.notices()) == {"connection_resumed"}
    assert phone.call.stats.breaks == len(caller.notices()) and phone.call.stats.break_secs > 0
    assert not caller.failed()
    assert diary.missing == 0
    assert diary.heard == list(range(len(diary.heard)))
    assert sum(isinstance(event, Answered) for event in diary.told) == 1
    assert not any(isinstance(event, Ended) for event in diary.told)
    assert (gateway.stats.calls, gateway.stats.failed, len(gateway.sids)) == (1, 0, 1)


@pytest.mark.parametrize("delivery", ["datagram", "stream"])
def test_the_relay_is_killed_and_started_again(relay, delivery):
    async def story():
        diary, whole = Diary(), delivery == "stream"
        async with call_through(relay, diary, delivery=delivery) as (phone, caller, gateway):
            await caller.speak(0.3)
            await is_answered(caller, 1, whole=whole)
            relay.kill()
            await speaks_until(caller, lambda: lost(phone))
            await asyncio.get_running_loop().run_in_executor(None, relay.start)
            await speaks_until(caller, caller.notices)
            await is_answered(caller, 2, whole=whole)
            assert_it_went_on(phone, caller, diary, gateway)

    run(story())


@pytest.mark.parametrize("hop", ["plugin", "gateway"])
def test_a_path_to_the_relay_carries_nothing_for_a_while(relay, hop):
    async def story():
        diary = Diary()
        path = Path(("127.0.0.1", relay.port))
        at = {f"{hop}_at": await through(path)}
        async with call_through(relay, diary, **at) as (phone, caller, gateway):
            await caller.speak(0.3)
            phone.call.commit(1, caller.seq - 1)
            await until(lambda: any(isinstance(e, ReplyAudio) for e in phone.events))
            path.cut = True
            await speaks_until(caller, lambda: lost(phone))
            # The reply to a turn that ends now is all that is to be heard from here on.
            before = len(phone.events)
            phone.call.commit(2, caller.seq - 1)
            await caller.speak(0.5)
            path.cut = False
            await speaks_until(caller, caller.notices)
            await hears(caller, 2)
            heard = [e.turn for e in phone.events[before:] if isinstance(e, ReplyAudio)]
            assert set(heard) == {2}
            await is_answered(caller, 3)
            assert_it_went_on(phone, caller, diary, gateway)
        path.close()

    run(story())


def test_the_plugin_has_another_address_and_the_relay_still_waits_for_the_old_one(relay):
    async def story():
        diary = Diary()
        path = Path(("127.0.0.1", relay.port))
        async with call_through(relay, diary, plugin_at=await through(path)) as made:
            phone, caller, gateway = made
            await caller.speak(0.3)
            path.ignore_client()
            await speaks_until(caller, lambda: lost(phone) or caller.line._protocol.stats.moves)
            await caller.speak(0.3)
            await is_answered(caller, 1)
            assert not caller.failed()
            assert (gateway.stats.calls, gateway.stats.failed) == (1, 0)
        path.close()

    run(story())


def test_a_call_is_kept_for_so_long_and_no_longer_on_both_sides(relay):
    async def story():
        diary = Diary()
        path = Path(("127.0.0.1", relay.port))
        at = await through(path)
        async with call_through(relay, diary, gateway_at=at, resume_secs=1) as made:
            phone, _, gateway = made
            path.cut = True
            assert (await phone.failed()).code == "connection_lost"
            await until(lambda: any(isinstance(event, Ended) for event in diary.told))
            assert not gateway.sids and not gateway._resumable
        path.close()

    run(story())


class GatewayProcess:
    """`sip-plugin gateway` behind the relay, with the parrot."""

    def __init__(self, ports: Ports, relay: Relay, folder) -> None:
        file = folder / "gateway.toml"
        file.write_text(
            f"""[gateway]
listen = "127.0.0.1:{ports.one()}"
relays = ["{relay.endpoint}"]
relay_ca_file = "{relay.ca_file}"
resume_secs = 60
[agents.parrot]
backend = "parrot"
pace = 0
"""
        )
        self._command = [COMMAND, "gateway", "-c", file, "--write-ca", folder / "ca.pem"]
        self._folder = folder
        self._connected = 0
        self.start()

    def start(self) -> None:
        self.process = Process("gateway", self._command, self._folder)
        self._connected += 1
        try:
            self.process.wait_for("relay .*: connected", 20, self._connected)
        except BaseException:
            self.process.stop()
            raise

    def kill(self) -> None:
        """It says nothing to anybody any more."""
        self.process.signal(signal.SIGKILL)
        self.process.wait(5)


def test_the_gateway_is_killed_and_started_again(relay, ports, tmp_path):
    gateway = GatewayProcess(ports, relay, tmp_path)

    async def story():
        in_a_thread = asyncio.get_running_loop().run_in_executor
        line = QuicConnection(relay.endpoint, TlsOptions(ca_file=str(relay.ca_file)))
        agent = AgentSpec(endpoint=relay.endpoint, agent="parrot", audio_delivery="stream")
        try:
            phone = await Phone(line, agent).opened()
            phone.call.answered()
            phone.call.commit(1, phone.say(speech(0.6)))
            await phone.reply_to(1)
            await in_a_thread(None, gateway.kill)
            before = len(phone.events)
            said = speech(0.8, seed=2)
            phone.call.commit(2, phone.say(said))
            await in_a_thread(None, gateway.start)
            await is_silent_until_replied(phone, 2)
            assert_began_anew(phone.events[before:], {2})
            match, _ = best_match(phone.heard(2)[::3], said[::2])
            assert match > 0.9
            phone.call.commit(3, phone.say(speech(0.6)))
            await phone.reply_to(3)
        finally:
            await line.close()

    try:
        run(story())
    finally:
        gateway.process.stop()
    assert "Traceback" not in gateway.process.output()


def test_another_gateway_is_there_before_the_plugin_misses_the_first(relay):
    async def story():
        first, second = Diary(), Diary()
        path = Path(("127.0.0.1", relay.port))
        at = await through(path)
        async with call_through(relay, first, gateway_at=at) as (phone, caller, _):
            await caller.speak(0.3)
            await is_answered(caller, 1)
            path.cut = True
            # The relay offers it all that was said on the tracks of the first.
            options = {"relays": (relay.endpoint,), "relay_ca_file": str(relay.ca_file)}
            async with place({"diary": second}, **options) as where:
                assert not lost(phone)
                before = len(phone.events)
                await speaks_until(caller, caller.notices)
                await is_answered(caller, 2)
                assert_began_anew(phone.events[before:], {2})
                assert not any(isinstance(e, Committed) and e.turn == 1 for e in second.told)
                assert second.missing == 0
                assert second.heard == list(range(len(second.heard)))
                assert (where.gateway.stats.calls, where.gateway.stats.failed) == (1, 0)
                assert where.gateway.stats.refused == 0
        path.close()

    run(story())


async def is_silent_until_replied(phone: Phone, turn: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(isinstance(e, ReplyEnd) and e.turn == turn for e in phone.events):
            phone.say(silence(0.02))
            await asyncio.sleep(0.02)


def assert_began_anew(events: list, turns: set[int]) -> None:
    """The call is another gateway's, and replies to these turns are all that is heard."""
    first, *more = (e.code for e in events if isinstance(e, Noticed))
    assert first == "model_restarted" and set(more) <= {"connection_resumed"}
    assert not any(isinstance(e, LegFailed) for e in events)
    assert {e.turn for e in events if isinstance(e, ReplyAudio)} == turns
