"""Each part of aioquic that `bridge.quic` relies on, so that a release without it fails
here by name, not in a call."""

import inspect

from aioquic import tls
from aioquic._crypto import HeaderProtection
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection, QuicNetworkPath
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicFrameType
from aioquic.quic.packet_builder import QuicPacketBuilder, QuicSentPacket
from aioquic.quic.recovery import QuicPacketPacer, QuicPacketRecovery, QuicPacketSpace
from aioquic.quic.stream import QuicStreamSender

from bridge.quic.express import TAG


def _connection() -> QuicConnection:
    return QuicConnection(configuration=QuicConfiguration(is_client=True))


def test_the_connection_has_the_fields():
    quic = _connection()
    for name in (
        "_loss",
        "_datagrams_pending",
        "_max_datagram_size",
        "_streams",
        "_streams_queue",
        "_handshake_confirmed",
        "_packet_number",
        "_peer_cid",
        "_cryptos",
        "_network_paths",
        "_version",
        "_is_client",
        "_ack_delay",
        "_ack_eliciting_sent_since_receipt",
        "_close_at",
        "_close_pending",
        "_crypto_streams",
        "_events",
        "_handshake_done_pending",
        "_host_cids",
        "_idle_timeout",
        "_local_ack_delay_exponent",
        "_on_ack_delivery",
        "_pacing_at",
        "_ping_pending",
        "_probe_pending",
        "_quic_logger",
        "_remote_ack_delay_exponent",
        "_retire_connection_ids",
        "_spaces",
        "_spin_bit",
        "_spin_highest_pn",
        "_state",
        "_streams_blocked_pending",
        "host_cid",
    ):
        assert hasattr(quic, name), f"QuicConnection.{name} is gone"
    for name in ("_cc", "_pacer", "_rtt_smoothed", "peer_completed_address_validation"):
        assert hasattr(quic._loss, name), f"QuicPacketRecovery.{name} is gone"


def test_packet_spaces_paths_and_keys_have_the_fields():
    space = QuicPacketSpace(is_application_data=True)
    for name in (
        "ack_at",
        "ack_queue",
        "expected_packet_number",
        "largest_received_packet",
        "largest_received_time",
        "received_packets",
        "sent_packets",
    ):
        assert hasattr(space, name), f"QuicPacketSpace.{name} is gone"
    path = QuicNetworkPath(("192.0.2.1", 1))
    for name in ("addr", "bytes_sent", "is_validated", "remote_challenges"):
        assert hasattr(path, name), f"QuicNetworkPath.{name} is gone"
    keys = CryptoPair()
    assert keys.aead_tag_size == TAG
    assert not keys._update_key_requested
    for name in ("aead", "hp", "key_phase"):
        assert hasattr(keys.recv, name), f"CryptoContext.{name} is gone"
    assert keys.key_phase == 0


def test_aioquic_still_sends_and_takes_a_packet_as_the_short_way_repeats_it():
    """The parts that `Express` repeats; when one has changed, compare before this is changed."""
    source = inspect.getsource(QuicConnection.receive_datagram)
    for part in (
        "packet_number in space.received_packets",
        "if packet_number > space.expected_packet_number:",
        "self._spin_bit = not spin_bit",
        "self._close_at = now + self._idle_timeout()",
        "self._ack_eliciting_sent_since_receipt = False",
        "space.largest_received_time = now",
        "space.ack_queue.add(packet_number)",
        "space.received_packets.add(packet_number)",
        "len(space.ack_queue) > MAX_ACK_RANGES",
        "space.ack_at = now + self._ack_delay",
    ):
        assert part in source, f"receive_datagram: {part}"
    assert ">= self._configuration.max_datagram_frame_size" in inspect.getsource(
        QuicConnection._handle_datagram_frame
    )
    assert "builder.packet_number % 8 == 0" in inspect.getsource(QuicConnection._write_ack_frame)
    for part in (
        "self._loss.on_packet_sent(",
        "self._close_at = now + self._idle_timeout()",
        "network_path.bytes_sent += payload_length",
    ):
        assert part in inspect.getsource(QuicConnection._flush_builder), f"_flush_builder: {part}"
    assert "bytes" in str(inspect.signature(HeaderProtection._mask))
    assert hasattr(CryptoPair, "_update_key")
    update = inspect.getsource(CryptoPair._update_key)
    assert "apply_key_phase(self.recv," in update and "apply_key_phase(self.send," in update


def test_the_functions_take_what_we_give():
    for function, parameters in {
        QuicConnection._write_datagram_frame: ["self", "builder", "data", "frame_type"],
        QuicConnection._write_application: ["self", "builder", "network_path", "now"],
        QuicConnection._flush_builder: ["self", "builder", "network_path", "peer_cid", "now"],
        QuicPacketBuilder.start_frame: [
            "self",
            "frame_type",
            "capacity",
            "handler",
            "handler_args",
        ],
        QuicStreamSender.on_data_delivery: ["self", "delivery", "start", "stop", "fin"],
        QuicPacketPacer.next_send_time: ["self", "now"],
        QuicPacketPacer.update_after_send: ["self", "now"],
    }.items():
        found = list(inspect.signature(function).parameters)
        assert found == parameters, f"{function.__qualname__} takes {found}"


def test_it_is_the_connection_that_writes_datagrams_and_the_sender_that_is_told():
    source = inspect.getsource(QuicConnection._write_application)
    assert "self._write_datagram_frame(" in source
    assert "self._datagrams_pending[0]" in source
    assert "handler=stream.sender.on_data_delivery" in inspect.getsource(
        QuicConnection._write_stream_frame
    )
    assert "self._max_datagram_size" in inspect.getsource(QuicConnection.datagrams_to_send)
    for name in ("on_packet_acked", "on_packets_lost", "on_packet_sent", "on_packets_expired"):
        assert f"self._cc.{name}(" in inspect.getsource(QuicPacketRecovery)


def test_packets_and_senders_have_the_fields():
    fields = QuicSentPacket.__dataclass_fields__
    assert {"packet_number", "sent_time", "sent_bytes"} <= set(fields)
    sender = QuicStreamSender(stream_id=0, writable=True)
    for name in ("_acked", "_acked_fin", "_buffer", "_buffer_start", "_buffer_stop", "_pending"):
        assert hasattr(sender, name), f"QuicStreamSender.{name} is gone"
    assert hasattr(sender, "_reset_error_code")
    assert QuicFrameType.DATAGRAM_WITH_LENGTH == 0x31


def test_a_server_can_ask_for_a_certificate_and_checks_its_key():
    assert list(inspect.signature(QuicConnection._initialize).parameters) == ["self", "peer_cid"]
    take = inspect.getsource(tls.Context._server_handle_certificate)
    assert "self._set_peer_certificate(certificate)" in take
    assert "_check_certificate_verify_signature" in inspect.getsource(
        tls.Context._server_handle_certificate_verify
    )
    assert "self._request_client_certificate" in inspect.getsource(tls.Context._server_handle_hello)
