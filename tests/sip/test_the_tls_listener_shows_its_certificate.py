"""SIP over TLS as a server: our certificate, TLS of today, and an answer over it."""

import socket
import ssl

import pytest

from sip_plugin.sip.build import probe
from tests.peers.certificates import Authority

OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK-1;rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\n"
    "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
ANSWER = "SIP/2.0 503 Service Unavailable"
"""There is a SIP process, and no worker that could carry a call."""


def listening(start_sip, sip_ports, authority, **tls):
    own = authority.issue("plugin", "localhost")
    port = sip_ports.one()
    files = {"cert_file": str(own.cert_file), "key_file": str(own.key_file)}
    tls = {"ca_file": str(authority.ca_file), **files, **tls}
    start_sip(sip={"bind_tls": f"127.0.0.1:{port}", "tls": tls})
    return port


def answer(port: int, context: ssl.SSLContext) -> tuple[str, str]:
    """TLS version, and the first line of what OPTIONS gets."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=5)
    with context.wrap_socket(plain, server_hostname="localhost") as secured:
        secured.sendall(OPTIONS.encode())
        return secured.version() or "", secured.recv(4096).decode().partition("\r\n")[0]


def test_a_client_that_verifies_it_is_answered(start_sip, sip_ports, tmp_path):
    authority = Authority(tmp_path)
    port = listening(start_sip, sip_ports, authority)
    # The stock wheel ends at TLS 1.2.
    versions = [version for version in ("1.2", "1.3") if version in probe().tls_versions]
    assert versions
    for version in versions:
        context = ssl.create_default_context(cafile=str(authority.ca_file))
        wanted = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
        context.minimum_version = context.maximum_version = wanted

        assert answer(port, context) == (f"TLSv{version}", ANSWER)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_tls_1_1_is_refused(start_sip, sip_ports, tmp_path):
    authority = Authority(tmp_path)
    port = listening(start_sip, sip_ports, authority)
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(OSError):
        answer(port, context)


def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(
    start_sip, sip_ports, tmp_path
):
    authority = Authority(tmp_path)
    port = listening(start_sip, sip_ports, authority, verify_client=True)
    context = ssl.create_default_context(cafile=str(authority.ca_file))

    with pytest.raises(OSError):
        answer(port, context)

    own = authority.issue("client", "client.test")
    context.load_cert_chain(own.cert_file, own.key_file)
    assert answer(port, context)[1] == ANSWER


def test_a_trunk_listens_with_its_own_certificate(start_sip, sip_ports, tmp_path):
    authority = Authority(tmp_path)
    own = authority.issue("trunk", "localhost")
    port = sip_ports.one()
    tls = {"ca_file": str(authority.ca_file), "bind": f"127.0.0.1:{port}"}
    files = {"cert_file": str(own.cert_file), "key_file": str(own.key_file)}
    trunk = {
        "domain": "127.0.0.1:9",
        "require_registration": False,
        "allow_from": ["127.0.0.1"],
        "transport": "tls",
        "tls": {**tls, **files},
    }
    start_sip(trunks={"main": trunk})

    context = ssl.create_default_context(cafile=str(authority.ca_file))
    assert answer(port, context)[1] == ANSWER
