"""A TLS server that answers nothing: it shows a certificate and keeps what it is told."""

import contextlib
import socket
import ssl
import threading

from tests.peers.certificates import Certificate
from tests.peers.ports import Ports


class TlsServer:
    def __init__(self, ports: Ports, certificate: Certificate) -> None:
        self.port = ports.one()
        self.names: list[str | None] = []
        """What clients asked for by SNI (RFC 6066 section 3)."""
        self.told = b""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.cert_file, certificate.key_file)
        self._context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(5)
            with contextlib.suppress(OSError), plain:
                secured = self._context.wrap_socket(plain, server_side=True)
                while data := secured.recv(65536):
                    self.told += data
