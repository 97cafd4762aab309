import asyncio
import json
import stat

import aiohttp
import pytest

from sip_plugin.planes.messages import Hangup, Originate, OriginateAnswer
from sip_plugin.service.client import ApiError
from tests.service.lab import call_state, plugin


async def answer_next(sip, **answer: object) -> Originate:
    asked = await sip.next(Originate)
    sip.send(OriginateAnswer(request_id=asked.request_id, **answer))
    return asked


def test_a_call_is_begun_and_shown(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            placing = asyncio.create_task(
                lab.client.originate("+1 (555) 123-4567", "parrot", "main", "1001")
            )
            asked = await answer_next(lab.sip, sid="s1")
            lab.sip.send(call_state("s1", "dialing"))
            call = await placing
            assert (asked.number, asked.agent_name) == ("+15551234567", "parrot")
            assert (asked.trunk, asked.caller_id) == ("main", "1001")
            assert (call["sid"], call["state"], call["trunk"]) == ("s1", "dialing", "main")
            assert (await lab.client.get("/v1/calls/s1"))["called"] == "+15551234567"
            listed = await lab.client.get("/v1/calls?state=dialing")
            assert [entry["sid"] for entry in listed["calls"]] == ["s1"]
            assert await lab.client.get("/v1/calls?state=completed") == {"calls": []}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [
        (404, 'there is no agent "x"', 404),
        (484, "the number is empty", 400),
        (486, "as many calls run as there may be", 429),
        (503, "no worker has a free RTP port", 503),
        (600, "Busy Everywhere", 502),
    ],
)
def test_a_refusal_by_the_sip_process_says_its_code_and_reason(tmp_path, code, reason, status):
    async def story():
        async with plugin(tmp_path) as lab:
            placing = asyncio.create_task(lab.client.originate("123", "parrot"))
            await answer_next(lab.sip, code=code, reason=reason)
            with pytest.raises(ApiError) as refusal:
                await placing
            assert refusal.value.status == status
            assert refusal.value.problem["sip_code"] == code
            assert reason in refusal.value.problem["detail"]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "JSON"),
        (b"[]", "body"),
        (b'{"agent": "parrot"}', "number: is needed"),
        (b'{"number": 5, "agent": "parrot"}', "number"),
        (b'{"number": "", "agent": "parrot"}', "number"),
        (b'{"number": "1\\r\\nX-Evil: 1", "agent": "parrot"}', "number"),
        (b'{"number": "1%0d%0aX-Evil: 1", "agent": "parrot"}', "number"),
        (b'{"number": "1@elsewhere", "agent": "parrot"}', "number"),
        (b'{"number": "1\\u0000", "agent": "parrot"}', "number"),
        (b'{"number": "1>;tag=x", "agent": "parrot"}', "number"),
        (b'{"number": "' + b"1" * 5000 + b'", "agent": "parrot"}', "number"),
        (b'{"number": "1", "agent": "parrot", "caller_id": "x\\ny"}', "caller_id"),
        (b'{"number": "1", "agent": "../x"}', "agent"),
        (b'{"number": "1", "agent": "parrot", "trunk": ""}', "trunk"),
        (b'{"number": "1", "agent": "parrot", "nubmer": "2"}', "nubmer: unknown field"),
    ],
)
def test_a_body_that_is_wrong_is_refused_with_the_field(tmp_path, body, told):
    async def story():
        async with plugin(tmp_path) as lab, raw(tmp_path) as session:
            async with session.post("/v1/calls", data=body) as response:
                problem = await response.json()
                assert response.status == 400
                assert response.content_type == "application/problem+json"
                assert told in problem["detail"]
            assert lab.sip.received.empty()

    asyncio.run(story())


def test_a_body_that_is_too_long_is_not_read(tmp_path):
    async def story():
        async with plugin(tmp_path), raw(tmp_path) as session:
            body = b'{"number": "' + b"1" * 100_000 + b'"}'
            async with session.post("/v1/calls", data=body) as response:
                assert response.status == 413
                assert "16384" in (await response.json())["detail"]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("agent", "trunk", "told"),
    [
        ("nobody", "", 'no agent is named "nobody"; configured: parrot'),
        ("parrot", "nowhere", 'no trunk is named "nowhere"; configured: main'),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(tmp_path, agent, trunk, told):
    async def story():
        async with plugin(tmp_path) as lab:
            with pytest.raises(ApiError) as refusal:
                await lab.client.originate("123", agent, trunk)
            assert refusal.value.status == 404
            assert told in refusal.value.problem["detail"]

    asyncio.run(story())


def test_a_draining_plugin_takes_no_new_calls(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab, raw(tmp_path) as session:
            lab.state.draining = True
            body = json.dumps({"number": "123", "agent": "parrot"})
            async with session.post("/v1/calls", data=body) as response:
                assert response.status == 503
                assert response.headers["Retry-After"] == "7"

    asyncio.run(story())


def test_without_a_sip_process_the_answer_says_so(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            placing = asyncio.create_task(lab.client.originate("123", "parrot"))
            await lab.sip.next(Originate)
            await lab.sip.stop()
            with pytest.raises(ApiError, match="ended before it answered") as refusal:
                await placing
            assert refusal.value.status == 503
            with pytest.raises(ApiError, match="not connected"):
                await lab.client.originate("123", "parrot")

    asyncio.run(story())


def test_a_call_that_is_answered_too_late_is_hung_up(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            with pytest.raises(ApiError, match="did not answer within 2 s"):
                await lab.client.originate("123", "parrot")
            await answer_next(lab.sip, sid="late")
            assert (await lab.sip.next(Hangup)).sid == "late"

    asyncio.run(story())


def test_a_call_is_hung_up_once(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            lab.sip.send(call_state("s1", "in_progress"))
            events = lab.client.events()
            first = asyncio.create_task(anext(events))
            with pytest.raises(ApiError, match="no call has the sid"):
                await lab.client.hangup("s2")
            await seen(lab, "s1")
            await lab.client.hangup("s1")
            assert (await lab.sip.next(Hangup)).sid == "s1"
            lab.sip.send(call_state("s1", "completed", code=200, cause="plugin_hangup"))
            while not lab.state.calls.get("s1").ended:
                await asyncio.sleep(0.01)
            assert (await lab.client.hangup("s1"))["state"] == "completed"
            assert lab.sip.received.empty()
            first.cancel()

    asyncio.run(story())


async def seen(lab, sid: str) -> None:
    while lab.state.calls.get(sid) is None:
        await asyncio.sleep(0.01)


def raw(folder) -> aiohttp.ClientSession:
    """A client that sends what it is told to."""
    connector = aiohttp.UnixConnector(str(folder / "control.sock"))
    return aiohttp.ClientSession("http://plugin", connector=connector)


def test_only_the_owner_may_open_the_socket(tmp_path):
    async def story():
        async with plugin(tmp_path):
            assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600

    asyncio.run(story())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("PUT", "/v1/calls", 405),
        ("GET", "/v1/calls/none/events", 404),
        ("GET", "/v1/calls?limit=many", 400),
        ("GET", "/v1/calls?limit=0", 400),
        ("GET", "/v1/calls?limit=" + "9" * 1000, 400),
    ],
)
def test_every_error_is_a_problem_document(tmp_path, method, path, status):
    async def story():
        async with (
            plugin(tmp_path),
            raw(tmp_path) as session,
            session.request(method, path) as response,
        ):
            assert response.status == status
            assert (await response.json())["status"] == status

    asyncio.run(story())
