"""Certificates on disk: how long they are good for, and whether they belong together."""

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sip_plugin.doctor.finding import Finding, fault, limit, ok

SOON = dt.timedelta(days=30)
"""A certificate that ends within it is to be renewed."""
OWN_AUTHORITIES = 8
"""A file of more is the system's collection, some of which always are over."""


def of_files(
    subject: str, cert_file: str, key_file: str, now: dt.datetime, *, then: str
) -> Iterator[Finding]:
    """Ours: a chain, the certificate itself first, and its private key. `then`: what must be done
    for new files to be used."""
    key_file = key_file or cert_file
    try:
        chain = x509.load_pem_x509_certificates(Path(cert_file).read_bytes())
    except (OSError, ValueError) as error:
        yield fault(subject, f"{cert_file}: {_why(error)}", "it must hold certificates, in PEM")
        return
    try:
        key = load_pem_private_key(Path(key_file).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        advice = "it must hold a private key in PEM, without a password"
        yield fault(subject, f"{key_file}: {_why(error)}", advice)
        return
    fits = [each.public_key() == key.public_key() for each in chain]
    if not fits[0]:
        if any(fits):
            advice = "put it first in the file, then the one of its issuer, and so on"
            found = f"{cert_file}: the certificate of {key_file} is number {fits.index(True) + 1}"
        else:
            found = f"{cert_file}: none of its certificates is that of {key_file}"
            advice = "name the key that the certificate was asked for with"
        yield fault(subject, found, advice)
        return
    for number, (one, issuer) in enumerate(itertools.pairwise(chain), 2):
        if not _issued(one, issuer):
            found = f"{cert_file}: certificate {number} is not that of the issuer of the one before"
            yield fault(subject, found, "use the whole chain (fullchain) that came with it")
            return
    yield _dates(subject, cert_file, chain, now, f"renew it and put the new files there; {then}")


def of_authorities(subject: str, ca_file: str, now: dt.datetime) -> Iterator[Finding]:
    """Those that we verify others by; nothing is told of a large collection."""
    try:
        found = x509.load_pem_x509_certificates(Path(ca_file).read_bytes())
    except (OSError, ValueError) as error:
        yield fault(subject, f"{ca_file}: {_why(error)}", "it must hold certificates, in PEM")
        return
    if len(found) <= OWN_AUTHORITIES:
        advice = "get the authority's new certificate, and name its file"
        yield _dates(subject, ca_file, found, now, advice)


def of_peer(subject: str, where: str, certificate: x509.Certificate, now: dt.datetime) -> Finding:
    """What the far side shows."""
    return _dates(subject, where, [certificate], now, "have it renewed there")


def _dates(
    subject: str, where: str, chain: list[x509.Certificate], now: dt.datetime, advice: str
) -> Finding:
    """Of the one that ends first."""
    first = min(chain, key=lambda each: each.not_valid_after_utc)
    last = max(chain, key=lambda each: each.not_valid_before_utc)
    end = first.not_valid_after_utc
    days = abs(end - now).days
    if last.not_valid_before_utc > now:
        begin = f"{last.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return fault(subject, f"{where}: not valid before {begin}", "check this machine's clock")
    if end <= now:
        return fault(subject, f"{where}: over since {end:%Y-%m-%d}, {_days(days)} ago", advice)
    found = f"{where}: {_days(days)} left, until {end:%Y-%m-%d}"
    return limit(subject, found, advice) if end - now < SOON else ok(subject, found)


def _days(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def _issued(one: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "cannot be read"
    if isinstance(error, TypeError):
        return "it is encrypted"
    return "not of that kind"
