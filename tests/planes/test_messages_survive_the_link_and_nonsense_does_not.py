"""Every message decodes to itself; anything else is refused without an exception of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.agent import AgentSpec
from sip_plugin.media.description import Direction, MediaDescription, PhoneCodec
from sip_plugin.planes.link import PlaneError, decode, encode
from sip_plugin.planes.messages import CallEvent, Message, OpenCall, Ping, StartMedia

MEDIA = MediaDescription(
    codec=PhoneCodec.ALAW,
    remote_address="192.0.2.1",
    remote_rtp_port=4000,
    remote_rtcp_port=4001,
    tx_payload_type=8,
    rx_payload_type=8,
    direction=Direction.SENDONLY,
)
AGENT = AgentSpec(endpoint="quic://127.0.0.1:4433", token="hush")

MESSAGES = [
    Ping(n=7),
    StartMedia(sid="a", media=MEDIA, answered=True),
    CallEvent(sid="a", event="commit", at_ms=20.0, data={"turn": 1}),
    OpenCall(
        sid="a",
        lease_id="w.1",
        agent_name="x",
        agent=AGENT,
        direction="inbound",
        caller="+1",
        called="+2",
        headers={"X-Account": "é"},
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_arrives_as_it_was_sent(message: Message):
    frame = encode(message)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    assert decode(frame[4:]) == message


def test_a_secret_crosses_the_link_but_is_masked_in_print():
    assert b"hush" in encode(MESSAGES[3])
    assert "hush" not in f"{MESSAGES[3]!r} {MESSAGES[3].model_dump_json()}"


@given(st.binary(max_size=300))
def test_nonsense_is_refused(body: bytes):
    with pytest.raises(PlaneError):
        decode(body)


@pytest.mark.parametrize(
    "body", [b'{"type": "Ping"}', b'{"type": "Gone", "n": 1}', b'{"type": "Ping", "n": 1, "m": 2}']
)
def test_a_message_with_missing_or_unknown_parts_is_refused(body: bytes):
    with pytest.raises(PlaneError):
        decode(body)
