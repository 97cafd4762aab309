import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.moqt import codec, objects, varint
from bridge.moqt import messages as m
from bridge.moqt.actions import Close
from bridge.moqt.draft18 import DRAFT_18
from bridge.moqt.errors import SessionCode
from bridge.moqt.events import Asked, ObjectArrived, TrackBroken
from bridge.moqt.limits import Limits
from bridge.moqt.messages import Option
from bridge.moqt.session import Session
from tests.moqt.pair import DOWNLINK, UPLINK, Pair
from tests.moqt.wire import MESSAGES

SETUP = codec.encode(DRAFT_18, m.Setup())
CONTROL, REQUEST, DATA = 2, 0, 6
"""Streams of a client, in the order of its using them."""


def raw(message: m.Message) -> bytes:
    return codec.encode(DRAFT_18, message)


def server(limits: Limits | None = None) -> Session:
    made = Session(False, 0.0, limits=limits)
    made.start()
    made.receive_stream(CONTROL, SETUP, False, 0.0)
    return made


@pytest.mark.parametrize(
    ("stream_id", "data", "code"),
    [
        (CONTROL, SETUP, SessionCode.PROTOCOL_VIOLATION),
        (CONTROL, raw(m.Subscribe(0, UPLINK)), SessionCode.PROTOCOL_VIOLATION),
        (CONTROL, b"\x40\x00\x00", SessionCode.PROTOCOL_VIOLATION),
        (CONTROL, raw(m.Goaway(b"moqt://elsewhere/")), SessionCode.PROTOCOL_VIOLATION),
        (CONTROL, raw(m.Goaway()) * 2, SessionCode.PROTOCOL_VIOLATION),
        (CONTROL, raw(m.Goaway(request_id=2)), SessionCode.INVALID_REQUEST_ID),
        (DATA, SETUP, SessionCode.PROTOCOL_VIOLATION),
        (DATA, b"\x05\x00", SessionCode.PROTOCOL_VIOLATION),
        (DATA, b"\x3e", SessionCode.PROTOCOL_VIOLATION),
        (DATA, b"\x81\x00", SessionCode.PROTOCOL_VIOLATION),
        (REQUEST, raw(m.RequestOk()), SessionCode.PROTOCOL_VIOLATION),
        (REQUEST, raw(m.RequestUpdate(0)), SessionCode.PROTOCOL_VIOLATION),
        (REQUEST, raw(m.Subscribe(1, UPLINK)), SessionCode.INVALID_REQUEST_ID),
        (REQUEST, raw(m.Subscribe(90_000, UPLINK)), SessionCode.INVALID_REQUEST_ID),
        (
            REQUEST,
            raw(m.Subscribe(0, UPLINK)) + raw(m.RequestUpdate(0)),
            SessionCode.INVALID_REQUEST_ID,
        ),
        (REQUEST, raw(m.Subscribe(0, UPLINK)) * 2, SessionCode.PROTOCOL_VIOLATION),
    ],
)
def test_what_the_draft_forbids_closes_the_session(stream_id, data, code):
    session = server()
    session.receive_stream(stream_id, data, False, 0.0)
    assert session.closed is not None
    assert session.closed.code == code
    assert [a for a in session.take() if isinstance(a, Close)] == [session.closed]
    assert session.receive_stream(8, SETUP, False, 0.0) == []
    assert session.deadline is None


@pytest.mark.parametrize("how", ["end", "reset", "stop"])
def test_a_control_stream_that_ends_closes_the_session(how):
    session = server()
    match how:
        case "end":
            session.receive_stream(CONTROL, b"", True, 0.0)
        case "reset":
            session.receive_reset(CONTROL, 0, 0.0)
        case "stop":
            session.receive_stop(3, 0, 0.0)
    assert session.closed.code == SessionCode.PROTOCOL_VIOLATION


def test_a_session_without_setup_is_closed_in_time():
    session = Session(False, 0.0)
    session.start()
    session.expire(4.9)
    assert session.closed is None
    session.expire(5.0)
    assert session.closed.code == SessionCode.CONTROL_MESSAGE_TIMEOUT


@pytest.mark.parametrize("option", [Option.PATH, Option.AUTHORITY])
def test_a_server_that_names_a_path_is_closed(option):
    client = Session(True, 0.0)
    client.receive_stream(3, raw(m.Setup(((option, b"/x"),))), False, 0.0)
    assert client.closed.code in (SessionCode.INVALID_PATH, SessionCode.INVALID_AUTHORITY)


def test_unknown_setup_options_are_ignored():
    client = Session(True, 0.0)
    options = ((0x9D, b"grease"), (0x11C, 7), (0x11C, 8))
    client.receive_stream(3, raw(m.Setup(tuple(sorted(options[:1] + options[1:])))), False, 0.0)
    assert client.closed is None


def test_an_unknown_datagram_closes_the_session():
    session = server()
    assert session.receive_datagram(b"\x7f") is None
    assert session.closed.code == SessionCode.PROTOCOL_VIOLATION


def test_one_alias_for_two_tracks_closes_the_session():
    session = server()
    for n, track in enumerate((UPLINK, DOWNLINK)):
        (asked,) = session.receive_stream(4 * n, raw(m.Publish(2 * n, track, 7)), False, 0.0)
        session.accept_publish(asked)
    assert session.closed.code == SessionCode.DUPLICATE_TRACK_ALIAS


def test_requests_beyond_the_limit_are_refused_and_a_flood_of_them_closes_the_session():
    session = server(Limits(requests=10, request_burst=50, request_rate=10))
    asked = []
    for n in range(50):
        name = UPLINK._replace(name=bytes([n]))
        asked += session.receive_stream(4 * n, raw(m.Subscribe(2 * n, name)), False, 0.0)
    assert len(asked) == 10
    assert session.closed is None
    session.receive_stream(200, raw(m.Subscribe(100, DOWNLINK)), False, 0.0)
    assert session.closed is not None


def test_streams_that_never_say_what_they_are_are_stopped():
    session = server(Limits(request_wait=3, setup_wait=3))
    session.receive_stream(REQUEST, raw(m.Subscribe(0, UPLINK))[:-1], False, 0.0)
    session.receive_stream(DATA, b"\xaf", False, 0.0)
    session.take()
    session.expire(2.9)
    assert session.take() == []
    session.expire(3.0)
    assert {a.stream_id for a in session.take()} == {REQUEST, DATA}
    assert session.deadline is None
    assert session.closed is None


def test_an_object_that_is_too_large_costs_its_track_only():
    pair = Pair(limits=Limits(object_bytes=100))
    tracks = {}
    for track in (UPLINK, DOWNLINK):
        publication = pair.client.session.publish(track)
        pair.carry()
        tracks[track] = (publication, *pair.server.session.accept_publish(pair.server.one(Asked)))
    for track, size in ((UPLINK, 101), (DOWNLINK, 100)):
        writer = pair.client.session.open_subgroup(tracks[track][0], 0, has_properties=False)
        writer.write(0, bytes(size))
    pair.carry()
    assert pair.server.one(TrackBroken).subscription is tracks[UPLINK][1]
    assert pair.server.one(ObjectArrived).subscription is tracks[DOWNLINK][1]
    assert pair.server.closed is None


def test_data_streams_beyond_the_limit_are_stopped():
    session = server(Limits(data_streams=5, unknown_streams=3))
    head = objects.subgroup_head(9, 0, has_properties=False)
    for n in range(20):
        session.receive_stream(6 + 4 * n, head, False, 0.0)
    assert len(session._data) == 3
    assert session._data.refused == 17


STEPS = st.one_of(
    st.tuples(st.just("stream"), st.integers(0, 40), MESSAGES.map(raw), st.booleans()),
    st.tuples(st.just("stream"), st.integers(0, 40), st.binary(max_size=30), st.booleans()),
    st.tuples(st.just("reset"), st.integers(0, 40), st.none(), st.none()),
    st.tuples(st.just("stop"), st.integers(0, 40), st.none(), st.none()),
    st.tuples(st.just("datagram"), st.none(), st.binary(max_size=30), st.none()),
    st.tuples(st.just("wait"), st.floats(0, 4), st.none(), st.none()),
    st.tuples(st.just("ask"), st.booleans(), st.none(), st.none()),
)


@settings(max_examples=400, deadline=None)
@given(st.booleans(), st.lists(STEPS, max_size=30), st.randoms(use_true_random=False))
def test_whatever_arrives_a_session_goes_on_or_is_closed_once(is_client, steps, rng):
    session, now = Session(is_client, 0.0, limits=Limits(requests=8, data_streams=4)), 0.0
    session.start()
    closes = 0
    for step, a, b, c in steps:
        events = []
        match step:
            case "stream":
                events = session.receive_stream(a, b, c, now)
            case "reset":
                events = session.receive_reset(a, 0, now)
            case "stop":
                events = session.receive_stop(a, 0, now)
            case "datagram":
                session.receive_datagram(b)
            case "wait":
                now += a
                session.expire(now)
            case "ask":
                (session.publish if a else session.subscribe)(UPLINK)
        for event in events:
            if isinstance(event, Asked):
                match event.request, rng.random() < 0.7:
                    case m.Publish(), True:
                        session.accept_publish(event)
                    case m.Subscribe(), True:
                        session.open_subgroup(
                            session.accept_subscribe(event), 0, has_properties=False
                        ).write(0, b"x")
                    case _, True:
                        session.accept(event)
                    case _:
                        session.refuse(event, 0x20)
        closes += sum(isinstance(action, Close) for action in session.take())
    assert closes == (session.closed is not None)
    assert len(session._data) <= 4
    now += 100
    session.expire(now)
    assert session.deadline is None


def test_padding_is_dropped():
    session = server()
    session.receive_stream(DATA, varint.encode(objects.PADDING_STREAM) + bytes(50), False, 0.0)
    session.receive_stream(DATA, bytes(50), True, 0.0)
    session.receive_datagram(varint.encode(objects.PADDING_DATAGRAM) + bytes(50))
    assert session.closed is None
