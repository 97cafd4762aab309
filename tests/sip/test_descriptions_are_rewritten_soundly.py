"""Text in, text out; the live process is tested with the same dangers elsewhere."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_plugin.media.description import PhoneCodec
from sip_plugin.sip.local_sdp import DEAD_SDP, declined, rewrite_local
from sip_plugin.sip.sdp import AudioOffer, choose, hazard, packet_ms, read_offer
from sip_plugin.sip.sdp_text import SdpError
from tests.sip.phone import offer

ULAW, ALAW = PhoneCodec.ULAW, PhoneCodec.ALAW
CREATED = (
    "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=pjmedia\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 8 120\r\nc=IN IP4 10.0.0.1\r\na=rtcp:4001 IN IP4 10.0.0.1\r\n"
    "a=sendrecv\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:120 telephone-event/8000\r\na=fmtp:120 0-16\r\na=ssrc:1 cname:x\r\n"
)
VIDEO = "m=video 0 RTP/AVP 31\r\nc=IN IP4 10.0.0.1\r\n"


def test_port_address_and_codecs_are_ours_and_nothing_betrays_the_stacks_own():
    assert rewrite_local(CREATED, "192.0.2.7", 10_002, (ALAW,)) == (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=pjmedia\r\nt=0 0\r\n"
        "m=audio 10002 RTP/AVP 8 120\r\nc=IN IP4 192.0.2.7\r\na=sendrecv\r\n"
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:120 telephone-event/8000\r\na=fmtp:120 0-16\r\n"
    )


def test_an_offer_lists_our_codecs_in_our_order():
    assert "m=audio 2 RTP/AVP 8 0 120\r\n" in rewrite_local(CREATED, "192.0.2.7", 2, (ALAW, ULAW))


def test_a_declined_stream_never_gets_a_port():
    head, audio = CREATED.split("m=audio 4000")
    with pytest.raises(SdpError, match="no audio stream"):
        rewrite_local(f"{head}m=audio 0{audio}", "192.0.2.7", 2, (ULAW,))
    both = rewrite_local(f"{head}m=audio 0{audio}m=audio 4000{audio}", "192.0.2.7", 2, (ULAW,))
    assert [line.split()[1] for line in both.splitlines() if line.startswith("m=")] == ["0", "2"]


@pytest.mark.parametrize(
    ("text", "codecs"), [("", (ULAW,)), (CREATED, ()), ("v=0\r\nm=audio x RTP/AVP 0\r\n", (ULAW,))]
)
def test_what_cannot_be_rewritten_is_an_error(text: str, codecs: tuple):
    with pytest.raises(SdpError):
        rewrite_local(text, "192.0.2.7", 2, codecs)


def test_a_refusal_has_as_many_streams_as_the_offer():
    remote = CREATED + VIDEO * 3 + "m=image 5000 udptl t38\r\n"
    for refusal in (declined(remote, ""), declined("", remote)):
        ports = [line.split()[1] for line in refusal.splitlines() if line.startswith("m=")]
        assert ports == ["0"] * 5
        assert "c=IN IP4" in refusal, "without one the stack aborts"
    assert declined("", "") == DEAD_SDP


def offered(body: str) -> AudioOffer:
    return read_offer(f"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\n{body}")


@pytest.mark.parametrize(
    ("body", "codecs"),
    [
        ("m=audio 5 RTP/AVP 8 0 101\r\n", (ALAW, ULAW)),
        ("m=audio 5 RTP/AVP 96\r\na=rtpmap:96 pcmu/8000/1\r\n", (ULAW,)),
        ("m=audio 5 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n", ()),
        ("m=video 5 RTP/AVP 31\r\nm=audio 5 RTP/AVP 0\r\n", (ULAW,)),
        ("m=audio 0 RTP/AVP 8\r\nm=audio 5 RTP/AVP 0\r\n", (ULAW,)),
    ],
)
def test_the_codecs_of_an_offer(body: str, codecs: tuple):
    assert offered(body) == AudioOffer(codecs)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("m=audio 5 UDP/TLS/RTP/SAVP 0\r\n", "profile"),
        ("m=audio 5 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n", "IPv4"),
        ("m=audio 0 RTP/AVP 0\r\n", "no audio"),
        ("m=image 5 udptl t38\r\n", "no audio"),
    ],
)
def test_an_offer_that_cannot_be_taken_says_why(body: str, problem: str):
    offer = offered(body)
    assert problem in offer.problem
    assert choose(offer, (ULAW, ALAW)) is None


def test_our_preference_decides():
    assert choose(AudioOffer((ULAW, ALAW)), (ALAW, ULAW)) is ALAW
    assert choose(AudioOffer((ULAW,)), (ALAW,)) is None


_word = st.one_of(
    st.sampled_from(
        [
            "0",
            "4000",
            "65536",
            "-1",
            "\u00b9",
            "\u0663",
            "RTP/AVP",
            "IN",
            "IP4",
            "8",
            "120",
            "*",
            "",
        ]
    ),
    st.text(max_size=12),
)
_line = st.one_of(
    st.sampled_from(CREATED.splitlines() + VIDEO.splitlines()),
    st.builds(
        lambda head, words: head + " ".join(words),
        st.sampled_from(["m=audio ", "m=video ", "c=", "a=rtpmap:", "a=rtcp:", "m=", "o="]),
        st.lists(_word, max_size=6),
    ),
)
_texts = st.lists(_line, max_size=30).map("\r\n".join)


@given(_texts, _texts)
def test_hostile_text_gives_an_error_or_a_sound_description(created: str, remote: str):
    try:
        ours = rewrite_local(created, "192.0.2.7", 10_002, (ULAW, ALAW))
    except SdpError:
        ours = declined(created, remote)
    live = [
        line
        for line in ours.replace("\r\n", "\n").split("\n")
        if line.startswith("m=audio ") and line.split()[1] not in ("0", "10002")
    ]
    assert live == []
    hazard(remote)
    with contextlib.suppress(SdpError):
        read_offer(remote)


@given(st.text(max_size=300))
def test_any_text_is_judged(text: str):
    hazard(text)
    declined(text, text)


@pytest.mark.parametrize(
    ("lines", "ms"),
    [
        ("", 20),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:10\r\na=maxptime:150\r\n", 10),
        ("a=maxptime:10\r\n", 10),
        ("a=ptime:60\r\na=maxptime:40\r\n", 40),
        ("a=ptime:500\r\n", 60),
        ("a=ptime:0\r\n", 20),
        ("a=ptime:1\r\n", 10),
        ("a=ptime:20.5\r\n", 20),
        ("a=ptime:-3\r\na=ptime:x\r\n", 20),
    ],
)
def test_packets_have_the_length_that_is_asked_for_within_bounds(lines, ms):
    assert packet_ms(offer(extra=lines)) == ms
