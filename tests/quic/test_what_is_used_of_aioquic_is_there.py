"""Each part of aioquic that `bridge.quic.internals` relies on, so that a release without it fails
here by name, not in a call."""

import inspect

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicFrameType
from aioquic.quic.packet_builder import QuicPacketBuilder, QuicSentPacket
from aioquic.quic.recovery import QuicPacketPacer, QuicPacketRecovery
from aioquic.quic.stream import QuicStreamSender


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
    ):
        assert hasattr(quic, name), f"QuicConnection.{name} is gone"
    for name in ("_cc", "_pacer", "_rtt_smoothed"):
        assert hasattr(quic._loss, name), f"QuicPacketRecovery.{name} is gone"


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
