import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.backends import vllm
from bridge.backends.interface import Failed, Lost, Noticed, ReplyDone, Speech
from bridge.backends.vllm import VllmOptions
from tests.backends.desk import Answer, Desk, info, ms
from tests.backends.model_server import ModelServer


def recorded() -> list[dict]:
    """Everything that the server says in a call with speech and a function call."""
    desk = Desk(Answer(ms(40), "word", [("hangup", "{}")]), transcription_model="whisper-1")
    said = []
    say = ModelServer._say
    desk.server._say = lambda kind, **more: said.append(say(desk.server, kind, **more)) or said[-1]
    desk.prime(1)
    desk.speak(200)
    desk.commit(1)
    return said


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=4,
)
RECORDED = recorded()
KINDS = [message["type"] for message in RECORDED] + ["error", "rate_limits.updated"]


@st.composite
def mutated(draw):
    """A message of a real sequence with a field that is gone or something else."""
    message = json.loads(json.dumps(draw(st.sampled_from(RECORDED))))
    place = message
    for _ in range(draw(st.integers(0, 2))):
        inner = [value for value in place.values() if isinstance(value, dict) and value]
        place = draw(st.sampled_from(inner)) if inner else place
    key = draw(st.sampled_from(sorted(place)))
    if draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(VALUES)
    return message


MESSAGES = mutated() | st.dictionaries(st.text(max_size=8), VALUES).flatmap(
    lambda rest: st.sampled_from(KINDS).map(lambda kind: {**rest, "type": kind})
)


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES, max_size=12))
def test_whatever_it_says_is_an_event_or_nothing(messages):
    for core in (
        Desk(Answer(hold=True)).core,
        vllm.dialect(VllmOptions(backend="vllm", url="ws://h", model="m", dialect="turns"), info()),
    ):
        core.connected(0.0)
        core.commit(1, 0.0)
        for message in messages:
            events = core.receive(message, 0.0)
            assert all(not isinstance(e, Speech) or e.turn == 1 for e in events)
            core.take()


def test_an_order_of_the_server_that_ends_the_session_asks_for_another():
    desk = Desk()
    desk.deliver([desk.server.error("session_expired")])
    assert desk.events[-1].code == "backend_lost"
    assert isinstance(desk.events[-1], Lost)


@pytest.mark.parametrize("code", ["invalid_api_key", "insufficient_quota"])
def test_what_no_other_connection_would_change_ends_the_call(code):
    desk = Desk()
    desk.deliver([desk.server.error(code)])
    assert isinstance(desk.events[-1], Failed)


def test_any_other_error_is_told_and_the_call_goes_on():
    desk = Desk(Answer(ms(20)))
    desk.deliver([desk.server.error("server_error")])
    assert isinstance(desk.events[-1], Noticed)
    desk.prime(1)
    desk.speak(200)
    desk.commit(1)
    assert ReplyDone(1) in desk.events


def test_a_server_that_keeps_its_own_turn_detection_is_refused():
    desk = Desk()
    core = desk.core
    core.connected(0.0)
    session = {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
    (event,) = core.receive({"type": "session.updated", "session": session}, 0.0)
    assert event.code == "backend_turns"


def test_audio_that_is_no_base64_ends_the_connection_and_is_not_repeated_in_words():
    desk = Desk(Answer(ms(20), hold=True))
    desk.prime(1)
    desk.speak(200)
    desk.commit(1)
    where = {"response_id": desk.server.active["id"], "item_id": "i", "content_index": 0}
    message = {"type": "response.output_audio.delta", "delta": "se cret", **where}
    (lost,) = desk.core.receive(message, 0.0)
    assert isinstance(lost, Lost)
    assert "cret" not in lost.message
    good = {**message, "delta": base64.b64encode(b"ab").decode()}
    assert isinstance(desk.core.receive(good, 0.0)[0], Speech)


def test_a_response_that_nobody_asked_for_is_cancelled():
    desk = Desk()
    desk.server.active = {"id": "resp_x", "metadata": {}, "output": []}
    created = {"type": "response.created", "response": {"id": "resp_x"}}
    desk.deliver([created])
    assert desk.server.of("response.cancel")[0]["response_id"] == "resp_x"
