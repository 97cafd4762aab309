"""A pair of keys made for the run."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bridge.token import CheckingOptions, SigningOptions

SHARED = "0123456789abcdef0123456789abcdef"


def pair() -> tuple[str, str]:
    """Private and public, PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def ends(algorithm: str, **both) -> tuple[SigningOptions, CheckingOptions]:
    private, public = pair() if algorithm == "EdDSA" else (SHARED, SHARED)
    return (
        SigningOptions(algorithm=algorithm, key=private, **both),
        CheckingOptions(algorithm=algorithm, key=public, **both),
    )
