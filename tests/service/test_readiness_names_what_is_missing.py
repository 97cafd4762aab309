import asyncio

import pytest

from sip_plugin.planes.messages import TrunkState, WorkerState
from tests.service.lab import REGISTERED, WORKER, plugin, until


async def reasons(lab) -> list[str]:
    answer = await lab.client.get("/readyz", refusal_ok=True)
    assert answer["ready"] == (not answer["reasons"])
    return answer["reasons"]


def test_ready_is_linked_leased_and_registered(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            assert await reasons(lab) == [
                "no worker is connected with an RTP port to lease",
                "trunk main is not registered yet",
            ]
            lab.sip.send(REGISTERED, WORKER)
            await until(lambda: not lab.state.not_ready(), "ready")
            assert await reasons(lab) == []
            assert await lab.client.get("/healthz") == {"status": "ok"}

            lab.state.draining = True
            assert "draining" in (await reasons(lab))[0]
            lab.state.draining = False
            await lab.sip.stop()
            await until(lambda: not lab.state.linked, "link lost")
            assert await reasons(lab) == ["the SIP process is not connected"]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            TrunkState(
                name="main", state="refused", code=403, reason="Forbidden", retry_in_secs=34.2
            ),
            "trunk main is refused (403 Forbidden), retrying in 34 s",
        ),
        (TrunkState(name="main", state="registering"), "trunk main is registering"),
        (
            WorkerState(name="worker-0", connected=True, calls=4, leases=0),
            "no worker is connected with an RTP port to lease",
        ),
        (
            WorkerState(name="worker-0", connected=False, calls=0, leases=4),
            "no worker is connected with an RTP port to lease",
        ),
    ],
)
def test_what_was_ready_and_is_not_any_more_is_told(tmp_path, message, reason):
    async def story():
        async with plugin(tmp_path) as lab:
            lab.sip.send(REGISTERED, WORKER, message)
            await until(lambda: lab.state.not_ready() == [reason], reason)
            assert await reasons(lab) == [reason]

    asyncio.run(story())


def test_trunks_and_workers_are_listed_with_their_states(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            assert (await lab.client.get("/v1/trunks"))["trunks"][0]["state"] == "unknown"
            lab.sip.send(REGISTERED, WORKER)
            await until(lambda: not lab.state.not_ready(), "ready")
            (trunk,) = (await lab.client.get("/v1/trunks"))["trunks"]
            assert (trunk["name"], trunk["state"], trunk["code"]) == ("main", "registered", 200)
            assert "sip_password" not in trunk
            listed = await lab.client.get("/v1/workers")
            (worker,) = listed["workers"]
            assert (worker["name"], worker["connected"], worker["leases"]) == ("worker-0", True, 4)
            assert listed["sip"]["connected"]

    asyncio.run(story())


def test_a_name_that_is_not_configured_is_not_taken_over(tmp_path):
    async def story():
        async with plugin(tmp_path) as lab:
            strange = WorkerState(name="intruder", connected=True, calls=0, leases=9)
            lab.sip.send(TrunkState(name="other", state="registered"), strange, REGISTERED, WORKER)
            await until(lambda: not lab.state.not_ready(), "ready")
            assert len((await lab.client.get("/v1/trunks"))["trunks"]) == 1
            assert len((await lab.client.get("/v1/workers"))["workers"]) == 1

    asyncio.run(story())
