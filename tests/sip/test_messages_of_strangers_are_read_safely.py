import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_plugin.sip.message import MAX_HEADER_VALUE, MAX_HEADERS, parse, user_of

INVITE = (
    "INVITE sip:+4930123;phone-context=x@192.0.2.1:5060 SIP/2.0\r\n"
    'f: "Eve" <sip:eve:pw@192.0.2.2>;tag=1\r\nX-One: 1\r\nx-two: a\r\n b\r\n'
    "Content-Type: application/sdp\r\n\r\nv=0\r\n"
)


def test_the_facts_of_an_invite():
    message = parse(INVITE)
    assert (message.called, message.caller) == ("+4930123", "eve")
    assert message.extra_headers == {"x-one": "1", "x-two": "a b"}
    assert message.sdp == "v=0\n"


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("<sip:100@h>", "100"),
        ("tel:+1-555", "+1-555"),
        ("<sip:h>", ""),
        ("sip:%0d%0aX@h", "X"),
        ("nonsense", ""),
        ("sip:" * 10_000, ""),
    ],
)
def test_the_user_of_a_uri(uri: str, user: str):
    assert user_of(uri) == user


def test_a_description_within_parts_is_found():
    message = parse(
        "INVITE sip:a@b SIP/2.0\r\nContent-Type: multipart/mixed;boundary=q\r\n\r\n"
        "--q\r\nContent-Type: text/plain\r\n\r\nhi\r\n"
        "--q\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--q--\r\n"
    )
    assert message.sdp.strip() == "v=0"


def test_extra_headers_are_bounded():
    many = "".join(f"X-{n}: {'y' * 1000}\r\n" for n in range(200))
    found = parse(f"INVITE sip:a@b SIP/2.0\r\n{many}\r\n").extra_headers
    assert len(found) == MAX_HEADERS
    assert {len(value) for value in found.values()} == {MAX_HEADER_VALUE}


@given(st.text(max_size=500))
def test_any_text_is_read(text: str):
    message = parse(text)
    facts = message.called + message.caller + "".join(message.extra_headers.values())
    assert facts.isprintable()
    assert message.retry_after_secs >= 0
    message.sdp.strip()
