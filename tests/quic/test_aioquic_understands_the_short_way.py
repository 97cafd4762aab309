"""`Express` at one end, aioquic as it is at the other, in both roles."""

import random

import pytest
from aioquic.quic.packet_builder import QuicDeliveryState
from aioquic.tls import Epoch
from hypothesis import given
from hypothesis import strategies as st

from bridge.quic import express
from bridge.quic.payload import HEADS, parse
from tests.quic.mixed import Mixed

both_roles = pytest.mark.parametrize("ours_is_client", [True, False])


@both_roles
def test_datagrams_arrive_each_way_and_are_acknowledged(ours_is_client):
    pair = Mixed(ours_is_client=ours_is_client)
    said = [bytes([n]) * size for n, size in enumerate((0, 1, 63, 64, 170, 1000, 170, 170))]
    said.sort(key=len)
    for name in said:
        pair.say(name)
        pair.theirs.send_datagram_frame(name)
        pair.run(0.02)
    for _ in range(5):
        pair.run(0.02)
    assert pair.heard_by_them == pair.heard_by_us == said
    assert [name for name, arrived in pair.fates if arrived] == said
    assert not pair.express.on_the_way
    assert pair.internals.model.in_flight == 0
    assert pair.theirs._loss.bytes_in_flight == 0
    assert pair.short > 8


@both_roles
def test_frames_of_a_tick_share_full_packets(ours_is_client):
    pair = Mixed(ours_is_client=ours_is_client)
    pair.say(*(bytes([n]) * 170 for n in range(12)))
    pair.send()
    assert [len(packet) <= 1200 for packet in pair.out] == [True, True]
    pair.deliver()
    assert len(pair.heard_by_them) == 12


@both_roles
def test_what_is_lost_is_known_and_later_acknowledgements_have_gaps(ours_is_client):
    pair = Mixed(ours_is_client=ours_is_client)
    dice = random.Random(3)
    lost = set()
    for n in range(200):
        name = b"%d" % n
        pair.say(name)
        pair.theirs.send_datagram_frame(b"r" + name)
        pair.now += 0.005
        pair.send()
        if pair.out and dice.random() < 0.2:
            lost.add(name)
            pair.out.clear()
        if dice.random() < 0.1:
            pair.back.clear()
        pair.run(0.005)
    for _ in range(20):
        pair.run(0.05)
    assert set(pair.heard_by_them) == {b"%d" % n for n in range(200)} - lost
    assert {name for name, arrived in pair.fates if not arrived} >= lost - {b"199"}
    assert {name for name, arrived in pair.fates if arrived} <= set(pair.heard_by_them)
    assert len(pair.theirs._spaces[Epoch.ONE_RTT].sent_packets) == 0


@both_roles
def test_a_packet_that_comes_twice_is_heard_once(ours_is_client):
    pair = Mixed(ours_is_client=ours_is_client)
    pair.theirs.send_datagram_frame(b"once")
    packets = [data for data, _ in pair.theirs.datagrams_to_send(now=pair.now)]
    for packet in packets * 3:
        pair.take(packet)
    assert pair.heard_by_us == [b"once"]


@both_roles
def test_streams_and_pings_among_the_audio_are_left_to_aioquic(ours_is_client):
    pair = Mixed(ours_is_client=ours_is_client)
    mine = pair.ours.get_next_available_stream_id()
    yours = pair.theirs.get_next_available_stream_id()
    for n in range(50):
        pair.say(b"a%d" % n)
        pair.theirs.send_datagram_frame(b"b%d" % n)
        if n % 10 == 0:
            pair.ours.send_stream_data(mine, b"m%d" % n)
            pair.internals.serve(mine)
            pair.theirs.send_stream_data(yours, b"y%d" % n)
            pair.ours.send_ping(n)
        pair.run(0.02)
    assert sorted(pair.streams_heard) == sorted(
        name for n in range(0, 50, 10) for name in (b"m%d" % n, b"y%d" % n)
    )
    assert len(pair.heard_by_us) == len(pair.heard_by_them) == 50
    assert pair.short > 40


@both_roles
@pytest.mark.parametrize("asked_by_us", [True, False])
def test_keys_change_while_audio_flows(ours_is_client, asked_by_us):
    pair = Mixed(ours_is_client=ours_is_client)
    for n in range(60):
        if n == 20:
            (pair.ours if asked_by_us else pair.theirs).request_key_update()
        pair.say(b"%d" % n)
        pair.theirs.send_datagram_frame(b"%d" % n)
        pair.run(0.02)
    assert pair.heard_by_us == pair.heard_by_them == [b"%d" % n for n in range(60)]
    assert not pair.ended


def test_keys_are_changed_before_they_are_worn_out(monkeypatch):
    monkeypatch.setattr(express, "NEW_KEYS_AFTER", 30)
    pair = Mixed(ours_is_client=True)
    phases = set()
    for n in range(150):
        pair.say(b"%d" % n)
        pair.run(0.02)
        phases.add(pair.ours._cryptos[Epoch.ONE_RTT].key_phase)
    assert phases == {0, 1}
    assert len(pair.heard_by_them) == 150


def test_a_burst_in_which_new_keys_are_asked_for_is_understood_to_its_end(monkeypatch):
    pair = Mixed(ours_is_client=True)
    monkeypatch.setattr(pair.express, "_new_keys_at", pair.ours._packet_number + 2)
    said = [bytes([n]) * 1000 for n in range(8)]
    pair.say(*said)
    pair.run(0.02)
    assert pair.heard_by_them == said
    pair.say(b"afterwards")
    pair.run(0.02)
    assert pair.heard_by_them[-1] == b"afterwards"
    assert pair.ours._cryptos[Epoch.ONE_RTT].key_phase == 1


@both_roles
@given(st.data())
def test_what_was_changed_on_the_way_is_dropped(ours_is_client, data):
    pair = _kept(ours_is_client)
    pair.theirs.send_datagram_frame(b"x" * 100)
    ((packet, _),) = pair.theirs.datagrams_to_send(now=pair.now)[:1]
    heard = len(pair.heard_by_us)
    changed = bytearray(packet)
    at = data.draw(st.integers(0, len(packet) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))
    pair.take(bytes(changed[: data.draw(st.integers(at + 1, len(packet)))]))
    assert len(pair.heard_by_us) == heard
    assert not pair.ended
    pair.take(packet)
    assert len(pair.heard_by_us) == heard + 1
    pair.run(0.02)


_pairs: dict[bool, Mixed] = {}


def _kept(ours_is_client: bool) -> Mixed:
    if ours_is_client not in _pairs:
        _pairs[ours_is_client] = Mixed(ours_is_client=ours_is_client)
    return _pairs[ours_is_client]


@both_roles
def test_a_frame_that_is_forbidden_ends_the_connection_as_aioquic_ends_it(ours_is_client):
    pair = Mixed(ours_is_client=ours_is_client)
    pair.theirs._datagrams_pending.append(bytes(1300))
    pair.theirs._max_datagram_size = 1472
    pair.run(0.02)
    assert pair.heard_by_us == []
    for _ in range(10):
        pair.run(0.5)
    assert pair.ended and pair.ended[0].error_code == 0xA  # PROTOCOL_VIOLATION


def test_a_client_that_moved_is_followed():
    pair = Mixed(ours_is_client=False)
    pair.our_address, elsewhere = pair.our_address, ("192.0.2.77", 7)
    pair.theirs.send_datagram_frame(b"from elsewhere")
    for packet, _ in pair.theirs.datagrams_to_send(now=pair.now):
        pair.take(packet, elsewhere)
    assert pair.heard_by_us == [b"from elsewhere"]
    assert pair.ours._network_paths[0].addr == elsewhere
    assert not pair.express.usable  # until that address has answered
    pair.their_address = elsewhere
    for n in range(10):
        pair.say(b"%d" % n)
        pair.theirs.send_datagram_frame(b"%d" % n)
        pair.run(0.02)
    assert pair.express.usable
    assert len(pair.heard_by_us) == 11
    assert pair.heard_by_them == [b"%d" % n for n in range(10)]


def test_a_full_window_and_the_pacer_hold_datagrams_back():
    pair = Mixed(ours_is_client=True)
    pair.say(*(bytes(1100) for _ in range(100)))
    pair.send()
    assert 4 <= len(pair.out) < 100
    assert pair.internals.model.in_flight <= pair.internals.model.window
    left = len(pair.queue)
    pair.out.clear()
    pair.send()
    assert len(pair.queue) == left


def test_acknowledgements_that_left_alone_hold_back_no_audio():
    pair = Mixed(ours_is_client=False)
    pair.say(b"a rate is known")
    pair.run(0.02)
    for n in range(50):
        pair.theirs.send_datagram_frame(b"%d" % n)
        pair.deliver()
        pair.now += 0.02
        pair.out += [data for data, _ in pair.ours.datagrams_to_send(now=pair.now)]
    pair.deliver()
    pair.say(b"at once")
    pair.send()
    assert not pair.queue


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_what_is_written_is_what_is_read(datagrams):
    plain = b"".join(HEADS[len(data)] + data for data in datagrams)
    found = parse(plain, 1200)
    assert found is not None and found.datagrams == datagrams
    assert found.is_ack_eliciting and found.ack is None


@given(st.binary(max_size=60))
def test_any_bytes_are_frames_or_left_to_aioquic(plain):
    found = parse(plain, 1200)
    assert found is None or sum(map(len, found.datagrams)) < len(plain)


def test_delivery_of_a_packet_that_nobody_knows_is_nothing():
    pair = Mixed(ours_is_client=True)
    pair.express.on_delivery(QuicDeliveryState.ACKED, 10**6)
    assert pair.fates == []
