"""Draft 18, section 10.2.2, of a receiver that announced no MAX_AUTH_TOKEN_CACHE_SIZE: 0 bytes."""

import pytest

from bridge.moqt import codec
from bridge.moqt import messages as m
from bridge.moqt.actions import Send
from bridge.moqt.draft18 import DRAFT_18
from bridge.moqt.errors import RequestCode, SessionCode
from bridge.moqt.events import Asked
from bridge.moqt.messages import Option, Param
from bridge.moqt.session import Session
from bridge.moqt.token import DELETE, REGISTER, USE_ALIAS, USE_VALUE, Token
from tests.moqt.pair import UPLINK

CONTROL, REQUEST, NEXT_REQUEST = 2, 0, 4
KIND = 7
VALUE = b"secret"


def begun(setup: m.Setup | None = None) -> Session:
    session = Session(False, 0.0)
    session.start()
    session.take()
    session.receive_stream(CONTROL, codec.encode(DRAFT_18, setup or m.Setup()), False, 0.0)
    return session


def asking(form: int, rest: bytes = b"") -> bytes:
    """A SUBSCRIBE whose token has this form, KIND or alias 7, and the rest."""
    by_value = Token(rest, KIND)
    sound = codec.encode(DRAFT_18, m.Subscribe(0, UPLINK, {Param.AUTHORIZATION_TOKEN: (by_value,)}))
    written = bytes([USE_VALUE, KIND]) + rest
    assert sound.count(written) == 1
    return sound.replace(written, bytes([form, KIND]) + rest)


def answers(session: Session) -> list[m.Message]:
    said = [a.data for a in session.take() if isinstance(a, Send) and a.stream_id == REQUEST]
    reader = codec.MessageReader(DRAFT_18, 16384)
    return list(reader.feed(b"".join(said)))


def test_a_token_by_value_is_taken():
    (asked,) = begun().receive_stream(REQUEST, asking(USE_VALUE, VALUE), False, 0.0)
    assert isinstance(asked, Asked)
    assert asked.request.parameters[Param.AUTHORIZATION_TOKEN] == (Token(VALUE, KIND),)


@pytest.mark.parametrize("form", [USE_ALIAS, DELETE])
def test_a_request_that_names_an_alias_is_refused_and_the_session_goes_on(form):
    session = begun()
    assert list(session.receive_stream(REQUEST, asking(form), False, 0.0)) == []
    (refused,) = answers(session)
    assert isinstance(refused, m.RequestError)
    assert refused.code == RequestCode.UNKNOWN_AUTH_TOKEN_ALIAS
    assert session.closed is None
    later = codec.encode(DRAFT_18, m.Subscribe(2, UPLINK))
    (asked,) = session.receive_stream(NEXT_REQUEST, later, False, 0.0)
    assert isinstance(asked, Asked)


def test_a_token_that_is_to_be_registered_closes_the_session():
    session = begun()
    session.receive_stream(REQUEST, asking(REGISTER, b"\x07" + VALUE), False, 0.0)
    assert session.closed is not None
    assert session.closed.code == SessionCode.AUTH_TOKEN_CACHE_OVERFLOW


@pytest.mark.parametrize(
    ("form", "rest"), [(4, b""), (9, VALUE), (USE_ALIAS, b"more"), (DELETE, b"more")]
)
def test_what_is_no_token_closes_the_session(form, rest):
    session = begun()
    session.receive_stream(REQUEST, asking(form, rest), False, 0.0)
    assert session.closed is not None
    assert session.closed.code == SessionCode.KEY_VALUE_FORMATTING_ERROR


def test_in_setup_a_registration_is_taken_as_a_value():
    token = bytes([REGISTER, 5, KIND]) + VALUE
    assert begun(m.Setup(((Option.AUTHORIZATION_TOKEN, token),))).closed is None


@pytest.mark.parametrize("form", [USE_ALIAS, DELETE])
def test_in_setup_an_alias_closes_the_session(form):
    session = begun(m.Setup(((Option.AUTHORIZATION_TOKEN, bytes([form, 5])),)))
    assert session.closed is not None
    assert session.closed.code == SessionCode.PROTOCOL_VIOLATION
