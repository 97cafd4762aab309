from tests.leg.network import Phone, connection, place, talks
from tests.leg.virtual import simulate
from tests.tokens.keys import ends


def test_a_gateway_takes_calls_whose_token_is_made_by_the_right_key():
    async def story():
        signing, checking = ends("EdDSA")
        other, _ = ends("EdDSA")
        async with place(jwt=checking) as where, connection(where) as line:
            await talks(line, where.agent(jwt=signing))
            refused = await Phone(line, where.agent(jwt=other)).failed()
            assert refused.code == "unauthorized"
            assert "not signed by the expected key" in refused.message
            assert (await Phone(line, where.agent()).failed()).code == "unauthorized"
            fixed = where.agent(token="a fixed one")
            assert (await Phone(line, fixed).failed()).code == "unauthorized"
            await talks(line, where.agent(jwt=signing))

    simulate(story())


def test_a_token_of_one_call_opens_no_other():
    async def story():
        signing, checking = ends("HS256")
        async with place(jwt=checking) as where, connection(where) as line:
            agent = where.agent(jwt=signing)
            stolen = where.agent(token=agent.token_for("call-of-somebody-else"))
            refused = await Phone(line, stolen).failed()
            assert (refused.code, "for another call" in refused.message) == ("unauthorized", True)
            await Phone(line, where.agent(token=agent.token_for("mine")), sid="mine").opened()

    simulate(story())
