import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.wire import control, messages
from bridge.wire.errors import ErrorCode, WireError

FROM_PLUGIN = [
    messages.Open(sid="a-1", agent="parrot", token="t", direction="inbound", headers={"X": "y"}),
    messages.Answered(),
    messages.Prime(turn=1),
    messages.Commit(turn=1, last_seq=-1),
    messages.Cancel(turn=0, heard_ms=120),
    messages.Dtmf(digit="#", duration_ms=80),
    messages.Hold(on=True),
    messages.TransferProgress(state="failed", code=486, reason="Busy Here"),
    messages.Playout(turn=1, played_ms=20),
    messages.Ping(),
    messages.Close(reason="caller hung up"),
]
FROM_GATEWAY = [
    messages.Opened(),
    messages.ReplyEnd(turn=1, frames=7),
    messages.Transcript(role="agent", text="gruß", turn=1, final=True),
    messages.Hangup(reason="done"),
    messages.Transfer(target="sip:1@example.net"),
    messages.Transfer(target="+15551234567", attended=True),
    messages.CompleteTransfer(),
    messages.CancelTransfer(),
    messages.Hold(on=False),
    messages.Pong(),
    messages.Error(code="flood", message="too much"),
    messages.Close(),
]


@pytest.mark.parametrize("message", FROM_PLUGIN, ids=lambda m: m.type)
def test_the_plugins_messages_arrive_as_they_were(message):
    assert control.decode_from_plugin(control.encode(message)) == message


@pytest.mark.parametrize("message", FROM_GATEWAY, ids=lambda m: m.type)
def test_the_gateways_messages_arrive_as_they_were(message):
    assert control.decode_from_gateway(control.encode(message)) == message


@pytest.mark.parametrize(
    "body",
    [
        {"type": "commit", "turn": "1", "last_seq": 2},
        {"type": "commit", "turn": 1},
        {"type": "commit", "turn": 1, "last_seq": 2, "extra": 3},
        {"type": "commit", "turn": 2**32, "last_seq": 2},
        {"type": "prime", "turn": 0},
        {"type": "dtmf", "digit": "12", "duration_ms": 1},
        {"type": "opened"},
        {"turn": 1},
        [],
        None,
    ],
    ids=str,
)
def test_what_the_document_does_not_allow_is_malformed(body):
    with pytest.raises(WireError) as error:
        control.decode_from_plugin(json.dumps(body).encode())
    assert error.value.code == ErrorCode.MALFORMED_MESSAGE


def test_an_error_about_a_message_does_not_repeat_its_token():
    body = json.dumps({"type": "open", "sid": "s", "token": {"secret": "hunter2"}}).encode()
    with pytest.raises(WireError) as error:
        control.decode_from_plugin(body)
    assert "hunter2" not in str(error.value)


def test_a_message_that_is_too_long_is_not_written():
    headers = {f"X-{n}": "🎵" * 250 for n in range(32)}
    with pytest.raises(WireError) as error:
        control.encode(messages.Open(sid="s", agent="a", direction="inbound", headers=headers))
    assert error.value.code == ErrorCode.MESSAGE_TOO_LARGE


@given(st.binary(max_size=400))
def test_nonsense_is_malformed_and_never_anything_else(body):
    for decode in (control.decode_from_plugin, control.decode_from_gateway):
        try:
            decode(body)
        except WireError as error:
            assert error.code == ErrorCode.MALFORMED_MESSAGE


def test_messages_are_taken_in_order_and_once():
    order = control.MessageOrder()
    assert [order.take(0, n) for n in (0, 1, 0, 1, 2)] == [True, True, False, False, True]


@pytest.mark.parametrize(("group", "n"), [(0, 2), (1, 0)])
def test_a_message_that_is_missing_is_a_fault(group, n):
    order = control.MessageOrder()
    assert order.take(0, 0)
    with pytest.raises(WireError) as error:
        order.take(group, n)
    assert error.value.code == ErrorCode.PROTOCOL_VIOLATION
