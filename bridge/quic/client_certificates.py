"""Client certificates (RFC 8446 section 4.3.2) on aioquic's server.

aioquic can ask for a certificate and checks that the client has its key, but lets the question be
asked in its own tests only, and judges neither who signed it nor whether there is one. Here the
question is switched on and the certificate judged, by the function with which a client of aioquic
judges a server's. Such a server must give no session tickets: aioquic would wait for a certificate
in a resumed session too, where none may be asked for. What is used of it is watched by
`test_what_is_used_of_aioquic_is_there`.
"""

from typing import Any

from aioquic import tls
from aioquic.quic.connection import QuicConnection


def demand_certificate(quic: QuicConnection, authorities: bytes) -> None:
    """Let nobody shake hands with this connection, not used yet, who has no certificate that one of
    the authorities (PEM) has signed."""
    initialize = quic._initialize

    def initialize_and_ask(peer_cid: bytes) -> None:
        initialize(peer_cid)
        _ask(quic.tls, authorities)

    quic._initialize = initialize_and_ask  # type: ignore[method-assign]


def _ask(context: Any, authorities: bytes) -> None:
    take = context._server_handle_certificate

    def take_and_judge(message: Any) -> None:
        take(message)
        found = context._peer_certificate
        if found is None:
            raise tls.AlertBadCertificate("a client certificate is required here")
        try:
            tls.verify_certificate(
                found, context._peer_certificate_chain, server_name=None, cadata=authorities
            )
        except tls.Alert as alert:
            raise tls.AlertBadCertificate(f"client certificate refused: {alert}") from None

    context._server_handle_certificate = take_and_judge
    context._request_client_certificate = True
