"""What agents, rules and requests may put into a SIP message: never what is SIP's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_plugin.config.sip_headers import MAX_BYTES, faults, name_fault, pattern_fault, permitted
from tests.config.files import AGENT, TRUNK, read
from tests.config.files import faults as faults_in

OWN = """Via v From f To t Call-ID i CSeq Contact m Max-Forwards Route Record-Route Refer-To r
Replaces Reason Content-Length l Content-Type c content-disposition Require Supported k
Authorization Proxy-Authorization P-Asserted-Identity Privacy Session-Expires x"""


@pytest.mark.parametrize("name", OWN.split())
def test_a_header_of_sip_itself_is_refused(name: str):
    assert name_fault(name)
    assert permitted({name: "x"}, ("x-*", name))[0] == ()


def test_others_are_allowed_where_they_are_listed():
    headers = {"X-Case": "7", "x-other": "8", "User-to-User": "abc;encoding=hex", "Subject": "hi"}
    allowed, refused = permitted(headers, ("x-ca*", "user-to-user"))
    assert allowed == (("X-Case", "7"), ("User-to-User", "abc;encoding=hex"))
    assert refused == {"x-other": "not among sip_headers", "Subject": "not among sip_headers"}
    assert permitted(headers, ())[0] == ()


@pytest.mark.parametrize(
    "text", ["a\r\nVia: x", "a\nb", "a\rb", "\0", "a\x85b", "a\u2028b", "", " "]
)
def test_a_text_that_would_begin_something_else_is_refused(text: str):
    allowed, refused = permitted({"X-A": text, "X-B": "fine"}, ("x-*",))
    assert allowed == (("X-B", "fine"),)
    assert refused == {"X-A": "a text is one line, and not empty"}


def test_a_message_is_not_made_too_large():
    many = {f"X-{n}": "y" for n in range(12)}
    assert len(permitted(many, ("x-*",))[0]) == 8
    large = {f"X-{n}": "y" * 256 for n in range(8)}
    allowed = permitted(large, ("x-*",))[0]
    assert 0 < sum(len(name) + len(text) + 4 for name, text in allowed) <= MAX_BYTES
    assert permitted({"X-A": "y" * 257}, ("x-*",))[0] == ()
    assert dict(faults({"X-A": "1", "x-a": "2"})) == {"x-a": "it is there twice"}


@given(st.dictionaries(st.text(max_size=80), st.text(max_size=300), max_size=12))
def test_whatever_is_asked_for_a_header_is_one_line(headers: dict[str, str]):
    allowed, refused = permitted(headers, ("x-*", "subject"))
    assert len(allowed) <= 8
    for name, text in allowed:
        assert name.lower().startswith("x-") and len(f"{name}: {text}".splitlines()) == 1
    assert set(refused) <= {name[:64] for name in headers}


@pytest.mark.parametrize("pattern", ["*", "P-*", "X-*-a", "Via", "X Y", "", "X-a:"])
def test_a_pattern_that_could_name_those_of_sip_is_refused(pattern: str):
    assert pattern_fault(pattern)


def test_the_lists_of_an_agent_are_read():
    agent = read(
        TRUNK + AGENT + 'tools = ["hangup"]\nsip_headers = ["User-to-User", "X-*"]\n'
    ).agents["parrot"]
    assert (agent.tools, agent.sip_headers) == (("hangup",), ("User-to-User", "X-*"))


def test_the_file_says_where():
    text = """
[trunks.main]
domain = "sip.example.net"
sip_username = "1001"
[agents.a]
endpoint = "quic://127.0.0.1:4433"
sip_headers = ["X-Case", "Contact"]
[[dialplan.outbound.rules]]
headers = { Via = "x" }
"""
    found = faults_in(text)
    assert len(found) == 2, found
    assert found[0].startswith("f.toml:7: agents.a.sip_headers") and "SIP itself" in found[0]
    assert found[1].startswith("f.toml:9: dialplan.outbound.rules") and "Via" in found[1]
