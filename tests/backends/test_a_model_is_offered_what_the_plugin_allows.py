import pytest

from bridge.backends import vllm
from bridge.backends.openai import OpenAiOptions, dialect
from bridge.backends.vllm import VllmOptions
from bridge.leg.interface import HangupAsked, ReplyEnd
from tests.backends.calls import line_to, turn
from tests.backends.desk import Answer, info, ms
from tests.backends.web import web_server
from tests.leg.network import Phone
from tests.leg.virtual import simulate

ALL = ("hangup", "transfer", "send_dtmf")
ORDERS = {"name": "look_up", "url": "http://127.0.0.1:1/orders"}


def offered(server) -> list[str]:
    return [tool["name"] for tool in server.sessions[0].session.get("tools", [])]


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        ({}, ["hangup", "transfer", "send_dtmf", "look_up"]),
        ({"tools": "send_dtmf hangup hold"}, ["hangup", "send_dtmf", "look_up"]),
        ({"tools": "transfer something_of_a_later_version"}, ["transfer", "look_up"]),
        ({"tools": ""}, ["look_up"]),
    ],
)
def test_a_call_is_offered_what_both_sides_allow(headers, names):
    async def story():
        async with web_server() as server:
            options = {"tools": ALL, "functions": (ORDERS,)}
            async with line_to(server, **options) as (where, line):
                await Phone(line, where.agent("model"), headers=headers).opened()
            assert offered(server) == names

    simulate(story())


@pytest.mark.parametrize("kind", ["openai", "vllm"])
def test_the_gateway_may_allow_less_than_the_plugin(kind):
    given = {"tools": ("transfer",), "url": "ws://127.0.0.1:1/"}
    if kind == "openai":
        made = dialect(OpenAiOptions(**given), info())
    else:
        made = vllm.dialect(VllmOptions(backend="vllm", model="m", **given), info())
    made.connected(0.0)
    made.receive({"type": "session.created", "session": {}}, 0.0)
    (update,) = made.take()
    assert [tool["name"] for tool in update["session"]["tools"]] == ["transfer"]


def test_a_model_that_calls_what_it_was_not_offered_is_told_so():
    async def story():
        answers = [Answer(calls=[("hangup", "{}")]), Answer(ms(100), "I cannot.")]
        async with web_server(*answers) as server, line_to(server, tools=ALL) as (where, line):
            headers = {"tools": "transfer"}
            phone = await Phone(line, where.agent("model"), headers=headers).opened()
            phone.call.answered()
            assert len(await turn(phone, 1)) == 24 * 100
            (result,) = server.sessions[0].of("conversation.item.create")
            assert "there is no function hangup" in result["item"]["output"]
            kinds = [type(event) for event in phone.events]
            assert ReplyEnd in kinds and HangupAsked not in kinds

    simulate(story())
