import asyncio

from sip_plugin.planes.messages import CallEvent, CallReport, WorkerState
from sip_plugin.service.client import ControlClient
from sip_plugin.service.records import record
from sip_plugin.service.watchers import QUEUED_BYTES
from tests.service.lab import WAIT_SECS, call_state, plugin, until


def names(events: list[dict]) -> list[str]:
    return [e["data"]["state"] if e["event"] == "state" else e["event"] for e in events]


def test_a_watcher_gets_the_past_the_present_and_the_end(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            lab.sip.send(call_state("s1", "ringing"), call_state("s1", "in_progress"))
            lab.sip.send(call_state("other", "in_progress"))
            await until(lambda: lab.state.calls.running == 2, "two running calls")
            events = []
            async with asyncio.timeout(WAIT_SECS):
                async for event in lab.client.events("s1"):
                    events.append(event)
                    if names(events)[-1] == "in_progress":
                        prime = CallEvent(sid="s1", event="prime", at_ms=640, data={"turn": 1})
                        lab.sip.send(
                            prime,
                            CallEvent(sid="other", event="prime", at_ms=1),
                            CallReport(sid="s1", report={"rtp": {"received": 50}}),
                            call_state("s1", "completed", code=200, cause="caller_hangup"),
                        )
            assert names(events) == ["ringing", "in_progress", "prime", "report", "completed"]
            assert (events[2]["audio_ms"], events[2]["data"]) == (640, {"turn": 1})
            call = await lab.client.get("/v1/calls/s1")
            assert call["report"] == {"rtp": {"received": 50}}

    asyncio.run(story())


def test_a_call_that_has_ended_tells_its_whole_story_at_once(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            lab.sip.send(
                call_state("s1", "dialing"),
                call_state("s1", "failed", code=486, reason="Busy Here"),
                CallReport(sid="s1", report={"duration_ms": 0}),
            )
            call = lambda: lab.state.calls.get("s1")  # noqa: E731
            await until(lambda: call() is not None and call().report, "the report")
            events = [event async for event in lab.client.events("s1")]
            assert names(events) == ["dialing", "failed", "report"]
            assert (events[1]["data"]["code"], events[1]["data"]["reason"]) == (486, "Busy Here")

    asyncio.run(story())


def test_a_call_without_a_report_ends_its_stream_too(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            lab.sip.send(call_state("s1", "dialing"), call_state("s1", "failed", code=503))
            await until(lambda: lab.state.calls.get("s1") is not None, "the call")
            async with asyncio.timeout(WAIT_SECS):
                events = [event async for event in lab.client.events("s1")]
            assert names(events) == ["dialing", "failed"]

    asyncio.run(story())


def test_the_stream_of_everything_has_calls_trunks_and_workers(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            stream = lab.client.events()
            first = asyncio.create_task(anext(stream))
            await until(lambda: lab.state.watchers.count, "the watcher")
            lab.sip.send(
                call_state("s1", "dialing"),
                WorkerState(name="worker-0", connected=True, calls=1, leases=3),
            )
            async with asyncio.timeout(WAIT_SECS):
                events = [await first, await anext(stream)]
            assert [(e["sid"], e["event"]) for e in events] == [("s1", "state"), ("", "worker")]
            await stream.aclose()

    asyncio.run(story())


def test_streams_end_when_the_plugin_does(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            rest = asyncio.create_task(collect(lab.client.events()))
            await until(lambda: lab.state.watchers.count, "the watcher")
            lab.state.watchers.close()
            async with asyncio.timeout(WAIT_SECS):
                assert await rest == []

    asyncio.run(story())


async def collect(stream) -> list[dict]:
    return [event async for event in stream]


def test_a_reader_that_is_too_slow_is_told_that_it_was_cut(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            stream = lab.client.events()
            first = asyncio.create_task(anext(stream))
            await until(lambda: lab.state.watchers.count, "the watcher")
            watched = 4 * QUEUED_BYTES // 1000
            for n in range(watched):
                lab.state.watchers.publish([record(f"s{n}", "event", 0.0, {"text": "x" * 1000})])
            async with asyncio.timeout(WAIT_SECS):
                events = [await first, *await collect(stream)]
            assert events[-1]["event"] == "cut"
            assert "connect again" in events[-1]["data"]["reason"]
            assert [e["sid"] for e in events[:-1]] == [f"s{n}" for n in range(len(events) - 1)]
            assert len(events) < watched
            assert lab.state.watchers.count == 0

    asyncio.run(story())


def test_a_reader_may_leave_without_a_word(tmp_path, caplog):
    async def story():
        async with plugin(tmp_path) as lab:
            lab.sip.send(call_state("s1", "in_progress"))
            await until(lambda: lab.state.calls.running, "the call")
            async with ControlClient(tmp_path / "control.sock") as other:
                await anext(other.events("s1"))
                await until(lambda: lab.state.watchers.count, "the watcher")

            def nobody_watches() -> bool:
                lab.sip.send(CallEvent(sid="s1", event="dtmf", at_ms=0))
                return lab.state.watchers.count == 0

            await until(nobody_watches, "the end of the stream")

    asyncio.run(story())
    assert [entry for entry in caplog.records if entry.levelname == "ERROR"] == []
