"""A model's functions, usage and notices, from its server through gateway and plugin to the phone,
and what the control API tells of them."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest

from sip_plugin.demo import speech
from tests.backends.desk import Answer, ms
from tests.backends.model_server import ModelServer
from tests.backends.vllm_server import VllmServer
from tests.backends.web import WebServer, web_server
from tests.peers.plugin import TOKEN, agent, ip_trunk

pytestmark = pytest.mark.peer("sipp")


KINDS = {"openai": ModelServer, "vllm": VllmServer}
each = pytest.mark.parametrize("backend", KINDS)


@contextlib.contextmanager
def model_server(*answers: Answer, backend: str = "openai") -> Iterator[WebServer]:
    """A strict server of that kind, on an event loop of its own: `server.loop`."""
    up, down = threading.Event(), asyncio.Event()
    found: list[WebServer] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with web_server(*answers, kind=KINDS[backend]) as server:
            server.loop = loop
            found.append(server)
            up.set()
            await down.wait()

    serving = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    serving.start()
    assert up.wait(10)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(down.set)
        serving.join(10)


@pytest.fixture
def line_to(gateway, plugin, tmp_path):
    """A plugin whose calls reach this model server."""

    def start(server: WebServer, backend: str = "openai"):
        file = tmp_path / "gateway.toml"
        file.write_text(
            f'[gateway]\ntoken = "{TOKEN}"\n[agents.model]\nbackend = "{backend}"\n'
            f'url = "{server.url}"\napi_key = "hush"\nmodel = "m"\n'
            'tools = ["hangup", "transfer", "send_dtmf"]\n'
        )
        model = gateway("-c", str(file))
        return plugin(
            trunks={"loop": ip_trunk()},
            agents={"model": agent(model, "model")},
            dialplan={
                "routes": [{"number": "+15551234567", "agent": "model"}],
                "outbound": {"allow": ["+15550002000"]},
            },
        )

    return start


def calling(line, sipp, rtp_peer, scenario: str):
    peer = rtp_peer()
    caller = sipp(scenario, line.address, rtp_port=peer.port, formats=peer.formats)
    peer.send_to(caller.remote_rtp_port())
    sid = line.wait_call("in_progress")["sid"]
    return caller, peer, sid


@each
def test_it_presses_keys_then_hangs_up_and_everything_is_told(backend, line_to, sipp, rtp_peer):
    pressing = Answer(ms(200), "One moment.", [("send_dtmf", '{"digits": "12#"}')])
    parting = Answer(ms(400), "Goodbye.", [("hangup", '{"reason": "all said"}')])
    with model_server(pressing, Answer(ms(200), "Done."), parting, backend=backend) as server:
        line = line_to(server, backend)
        caller, peer, sid = calling(line, sipp, rtp_peer, "call_until_bye")
        peer.say(speech.load("turn_1"))
        line.wait_event(sid, "dtmf_sent", digits="12#")
        line.wait_event(sid, "reply_end")
        peer.say(speech.load("turn_2"))
        caller.wait_passed()
        assert line.wait_ended(sid)["cause"] == "model_hangup"
        events = line.events(sid)
    told = {name: [e["data"] for e in events if e["event"] == name] for name in _TOLD}
    assert [(t["name"], t["turn"]) for t in told["tool_call"]] == [("send_dtmf", 1), ("hangup", 2)]
    assert told["tool_call"][1]["arguments"] == '{"reason": "all said"}'
    assert [(u["input_tokens"], u["output_tokens"]) for u in told["usage"]] == [(10, 20)] * 3
    assert told["usage"][0]["details"]["output_token_details.audio_tokens"] == 15
    assert told["dtmf_sent"] == [{"digits": "12#"}]
    said = [t["text"] for t in told["transcript"] if t["role"] == "agent"]
    assert said == ["One moment. Done.", "Goodbye."]
    # The keys left as RFC 4733 events, each a few packets long.
    assert set(peer.event_codes()) == {1, 2, 11}


@each
def test_it_transfers_the_caller_where_the_rules_allow_it(backend, line_to, sipp, rtp_peer):
    moving = Answer(ms(300), "I connect you.", [("transfer", '{"target": "+15550002000"}')])
    with model_server(moving, backend=backend) as server:
        line = line_to(server, backend)
        caller, peer, sid = calling(line, sipp, rtp_peer, "call_transferred")
        peer.say(speech.load("turn_1"))
        assert "15550002000" in caller.wait_said("REFER (.*)", 30).group(1)
        caller.wait_passed()
        assert line.wait_ended(sid)["cause"] == "transferred"


def test_a_transfer_that_the_rules_forbid_is_spoken_about(line_to, sipp, rtp_peer):
    moving = Answer(ms(300), "I connect you.", [("transfer", '{"target": "+15559990000"}')])
    sorry = Answer(ms(300), "I may not do that. Goodbye.", [("hangup", "{}")])
    with model_server(moving, sorry) as server:
        line = line_to(server)
        caller, peer, sid = calling(line, sipp, rtp_peer, "call_until_bye")
        peer.say(speech.load("turn_1"))
        caller.wait_passed()
        assert line.wait_ended(sid)["cause"] == "model_hangup"
        events = line.events(sid)
        told = server.sessions[-1].of("conversation.item.create")
    texts = [m["item"]["content"][0]["text"] for m in told if m["item"]["type"] == "message"]
    assert texts == ["[The transfer failed: it is not allowed. The caller is still on the phone.]"]
    said = [e["data"]["text"] for e in events if e["event"] == "transcript"]
    assert said == ["I connect you.", "I may not do that. Goodbye."]


def test_a_server_that_is_lost_and_found_again_is_a_notice(line_to, sipp, rtp_peer):
    with model_server(Answer(ms(200), "Yes."), Answer(ms(200), "Again.")) as server:
        line = line_to(server)
        caller, peer, sid = calling(line, sipp, rtp_peer, "call_until_bye")
        peer.say(speech.load("turn_1"))
        line.wait_event(sid, "reply_end")
        # The first connection was the gateway's at its start.
        closing = server.sockets[-1].close(code=1012)
        asyncio.run_coroutine_threadsafe(closing, server.loop).result(5)
        notice = line.wait_event(sid, "model_notice")["data"]
        assert (notice["code"], "1012" in notice["message"]) == ("backend_lost", True)
        peer.say(speech.load("turn_2"))
        line.wait_event(sid, "reply_end", count=2)
        line.ask("DELETE", f"/v1/calls/{sid}")
        caller.wait_passed()


_TOLD = ("tool_call", "usage", "dtmf_sent", "transcript")
