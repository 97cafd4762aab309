"""The SIP process dies: its calls' RTP stops, their models are told, and new leases are offered."""

from tests.worker.line import Line, hum, until


def test_a_lost_link_ends_the_calls_and_the_worker_comes_back(on_stage):
    async def story(host, gateway):
        line = Line()
        line.phone.remote_port = await host.open("orphan", line.phone.port)
        await line.talk(0.5)
        await until(lambda: line.loud > 5, "the agent to be heard")
        host.cut()
        await until(lambda: host.links == 2, "the worker to connect again")
        await until(lambda: not gateway.sids, "the model to learn of the end")
        heard = len(line.heard)
        fresh = Line()
        fresh.phone.remote_port = await host.open("next", fresh.phone.port)
        await fresh.talk(1.0)
        await until(lambda: fresh.loud > 5, "a new call to be served")
        assert len(line.heard) == heard
        assert fresh.phone.remote_port != line.phone.remote_port

    on_stage(hum, story)
