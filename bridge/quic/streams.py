"""Which streams aioquic looks at when it builds packets, and in which order.

It asks every stream of a connection, for every packet, whether there is something to send. A call
has half a dozen streams and nearly none of them anything to say, while audio leaves in every tick:
with 50 calls that took a fifth of what a gateway does. Here only those are asked that were written
to or have received since, and now and then all of them; the smallest rank first.
"""

from typing import Any

from aioquic.quic.connection import QuicConnection
from aioquic.quic.stream import QuicStream

from bridge.quic.datagram import ORDINARY

SCAN_SECS = 0.25
"""How often all streams are looked at: for limits that moved, and streams that have ended."""
REQUEST = -1
"""The rank of bidirectional streams, which go before all that is published."""


class StreamChooser:
    """Takes the place of a connection's `_write_application`, and calls it."""

    def __init__(self, quic: QuicConnection) -> None:
        self._quic = quic
        self._write = quic._write_application
        self._due: dict[int, None] = {}
        """Streams to be asked, by id."""
        self._scan_at = 0.0
        self._ranks: dict[int, int] = {}
        self._after: dict[int, int] = {}
        quic._write_application = self._write_application  # type: ignore[method-assign]

    def serve(self, stream_id: int) -> None:
        """Ask this stream with the next packet."""
        self._due[stream_id] = None

    def rank(self, stream_id: int, rank: int, after: int | None = None) -> None:
        """Of those that have something to send, the smallest rank goes first; `after` a stream of
        the same rank, as long as that has. What has no rank is a request, or ordinary."""
        self._ranks[stream_id] = rank
        if after is not None:
            self._after[stream_id] = after

    def order(self) -> None:
        """Put the next packet's streams in order: aioquic has moved those it served to the end.

        Streams without data go first: a reset or a STOP_SENDING is short, and aioquic builds no
        further packet when one does not fit behind data."""
        queue = self._quic._streams_queue
        if len(queue) < 2:
            return
        waiting = [stream for stream in queue if not stream.sender.buffer_is_empty]
        if waiting:
            rest = [stream for stream in queue if stream.sender.buffer_is_empty]
            self._quic._streams_queue = rest + sorted(waiting, key=self._place)

    def _place(self, stream: QuicStream) -> tuple[int, bool]:
        stream_id = stream.stream_id
        rank = self._ranks.get(stream_id)
        if rank is None:
            rank = ORDINARY if stream_id & 2 else REQUEST
        before = self._quic._streams.get(self._after.get(stream_id, -1))
        return rank, before is not None and not before.sender.buffer_is_empty

    def wants(self, now: float) -> bool:
        """Whether there is a stream to be asked."""
        return bool(self._due) or now >= self._scan_at

    def look_at_all(self) -> None:
        """Ask all of them: any may have lost something."""
        self._scan_at = 0.0

    def _write_application(self, builder: Any, network_path: Any, now: float) -> None:
        quic = self._quic
        if now >= self._scan_at or not quic._handshake_confirmed:
            self._scan_at = now + SCAN_SECS
            self.order()
            try:
                self._write(builder, network_path, now)
            finally:
                self._due = {s.stream_id: None for s in quic._streams_queue if _has_more(s)}
                for table in (self._ranks, self._after):
                    for gone in [i for i in table if i not in quic._streams]:
                        del table[gone]
            return
        streams, queue = quic._streams, quic._streams_queue
        chosen = {i: streams[i] for i in self._due if i in streams}
        quic._streams, quic._streams_queue = dict(chosen), list(chosen.values())
        self.order()
        try:
            self._write(builder, network_path, now)
        finally:
            ended = [stream for i, stream in chosen.items() if i not in quic._streams]
            # The order in which they were served is the one in which they are served next.
            self._due = {s.stream_id: None for s in quic._streams_queue if _has_more(s)}
            quic._streams, quic._streams_queue = streams, queue
            for stream in ended:
                del streams[stream.stream_id]
                queue.remove(stream)


def _has_more(stream: QuicStream) -> bool:
    sender, receiver = stream.sender, stream.receiver
    return not sender.buffer_is_empty or sender.reset_pending or receiver.stop_pending
