"""A plugin's connection to the gateway, or that of a relay which came to it."""

from aioquic.quic.connection import QuicConnection as AioQuic
from aioquic.quic.events import HandshakeCompleted, QuicEvent

from bridge.gateway.call import Host
from bridge.gateway.connection import GatewayLink
from bridge.wire.connection import REFUSED
from bridge.wire.limits import MAX_CALLS_AT_GATEWAY, PEER_SILENT_AFTER
from bridge.wire.moqt_protocol import MoqtProtocol


class ServerProtocol(MoqtProtocol):
    """A plugin's connection, or that of a relay which came to us."""

    def __init__(self, quic: AioQuic, host: Host) -> None:
        super().__init__(quic)
        self._host = host
        self._stood = False
        """The handshake is over: the plugin is where it says."""
        self.link = GatewayLink(host, MAX_CALLS_AT_GATEWAY)
        self.open_session()
        self.attach(self.link)
        self.link.start(self)
        self._silence = self._loop.call_later(PEER_SILENT_AFTER / 4, self._check_silence)
        host.protocols.add(self)

    def on_other(self, event: QuicEvent) -> None:
        super().on_other(event)
        internals = self._internals
        if isinstance(event, HandshakeCompleted):
            self._host.stats.connections += 1
            self._stood = True
            found = self._host.paths.take(internals.address[0], self.now)
            if found is not None:
                internals.model.resume(found.bandwidth, found.rtt)
        if self.ended is not None:
            if self._stood:
                model = internals.model
                address = internals.address[0]
                self._host.paths.remember(address, model.bandwidth, model.min_rtt, self.now)
            self._silence.cancel()
            self.link.over()
            self._host.protocols.discard(self)

    def _check_silence(self) -> None:
        quiet_for = self.now - self.last_heard
        if quiet_for >= PEER_SILENT_AFTER:
            self.close(REFUSED, "the plugin was not heard from")
            return
        if quiet_for >= PEER_SILENT_AFTER / 4:
            self.ping(0)
            self.transmit_soon()
        self._silence = self._loop.call_later(PEER_SILENT_AFTER / 4, self._check_silence)
