"""A certificate for a gateway that was given none, made anew at each start."""

import datetime
import ipaddress
import os
import socket
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

VALID_DAYS = 365
_SKEW = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that is its own authority, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    pem: bytes
    """What a client trusts: the certificate, PEM."""


def self_signed(address: str) -> Certificate:
    """For `localhost`, the loopback addresses, this host's name, and `address`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sip-plugin gateway")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(address)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certificate(certificate, key, certificate.public_bytes(Encoding.PEM))


def write_ca(path: str, pem: bytes) -> None:
    """Write what clients trust, whole or not at all. Raises OSError."""
    part = f"{path}.{os.getpid()}"
    with open(part, "wb") as file:
        file.write(pem)
    os.replace(part, path)


def _names(address: str) -> list[x509.GeneralName]:
    hosts = {"localhost", "127.0.0.1", "::1", socket.gethostname(), address}
    names: list[x509.GeneralName] = []
    for host in sorted(hosts):
        try:
            ip = ipaddress.ip_address(host)
        except ValueError:
            if host.isascii() and host:
                names.append(x509.DNSName(host))
        else:
            if not ip.is_unspecified:
                names.append(x509.IPAddress(ip))
    return names
