import json

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sip_plugin.planes.link import decode, encode
from sip_plugin.planes.messages import CallEvent, CallReport
from sip_plugin.service.calls import Bounds, CallRegistry
from sip_plugin.service.requests import NewCall, faults
from sip_plugin.service.state import PluginState
from tests.service.lab import CONFIG, call_state

SMALL = Bounds(
    ended_calls=3, ended_bytes=2000, running_calls=3, events_per_call=4, bytes_per_call=900
)
# A machine that is busy with other things is not a fault of ours.
unhurried = settings(deadline=None)
STATES = ("dialing", "ringing", "in_progress", "completed", "failed", "no_answer")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@unhurried
@given(st.text() | st.text(alphabet="+0123456789 ()-.%0dDaA\r\n;@<>\"'", max_size=20))
def test_a_number_that_is_taken_cannot_begin_a_header(number):
    try:
        call = NewCall(number=number, agent="parrot", caller_id=number)
    except ValidationError as error:
        assert "\n" not in faults(error)
        return
    for text in (call.number, call.caller_id):
        assert text.isascii() and text.isprintable() and 0 < len(text) <= 64
        assert not set(text) & set(' "<>@;%\\')


@unhurried
@given(st.binary(max_size=200))
def test_any_body_is_a_call_or_a_list_of_faults(body):
    try:
        NewCall.model_validate_json(body)
    except ValidationError as error:
        assert faults(error)


@unhurried
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4), JSON)
def test_any_data_of_an_event_or_a_report_is_taken(data, figure):
    state = PluginState(CONFIG, ["sip"])
    state.take(call_state("a", "in_progress"))
    turn = {"commit_ms": figure, "total_ms": figure}
    event = CallEvent(sid="a", event="turn_latency", at_ms=0, data={**data, **turn})
    report = CallReport(sid="a", report={**data, "rtp": {"received": figure}})
    for message in (event, report):
        try:
            body = encode(message)[4:]
        except ValueError:
            continue  # half a surrogate pair: no process can send it
        state.take(decode(body))
    assert state.exposition()
    for line in state.calls.get("a").lines:
        json.loads(line)
    json.dumps(state.calls.get("a").details(), allow_nan=False)


@unhurried
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdefgh"), st.sampled_from((*STATES, "event", "report", "lost"))
        ),
        max_size=60,
    )
)
def test_no_order_of_messages_breaks_the_bounds(story):
    registry = CallRegistry(SMALL)
    for now, (sid, what) in enumerate(story):
        if what == "event":
            registry.on_event(CallEvent(sid=sid, event="dtmf", at_ms=now), now)
        elif what == "report":
            registry.on_report(CallReport(sid=sid, report={"x": "y" * 100}), now)
        elif what == "lost":
            registry.lose_all("link_lost", "", now)
        else:
            registry.on_state(call_state(sid, what), now)
        calls = registry.newest_first()
        ended = [call for call in calls if call.ended]
        assert len({call.sid for call in calls}) == len(calls)
        assert registry.running == len(calls) - len(ended) <= SMALL.running_calls
        assert len(ended) <= SMALL.ended_calls
        assert sum(call.lines_bytes for call in ended) <= SMALL.ended_bytes
        for call in calls:
            assert call.lines_bytes == sum(map(len, call.lines)) <= SMALL.bytes_per_call
