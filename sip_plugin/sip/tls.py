"""Certificates of SIP over TLS: read once when the plugin starts, so that faults have a name.

The SIP stack would say of a wrong file no more than that something failed.
"""

import os
import ssl
from dataclasses import dataclass

from sip_plugin.sip.errors import StackError

SYSTEM_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",
)
"""Where systems keep the certificates of authorities; OpenSSL's own choice goes before."""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """PEM files, empty for none; `ca_file` empty: the system's."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    verify: bool = True
    verify_client: bool = False
    min_version: str = "1.2"


def system_ca_file() -> str:
    """The system's authorities; empty when there are none to be found."""
    own = ssl.get_default_verify_paths().cafile
    found = (path for path in (own, *SYSTEM_CA_FILES) if path and os.path.isfile(path))
    return next(found, "")


def checked(options: TlsOptions, table: str = "sip.tls") -> TlsOptions:
    """The options with their files found and read. Raises StackError, which names the key, of the
    configuration's `table`."""
    ca_file = options.ca_file or system_ca_file()
    if not ca_file and (options.verify or options.verify_client):
        raise StackError(
            f"{table}.ca_file: this system has no certificates of authorities, by which far sides "
            "could be verified; install them (ca-certificates) or name a file"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise StackError(_fault(f"{table}.ca_file", ca_file, error, "certificates")) from None
    key_file = options.key_file or options.cert_file
    if options.cert_file:
        for key, path in (("cert_file", options.cert_file), ("key_file", key_file)):
            if not os.access(path, os.R_OK):
                raise StackError(f"{table}.{key}: {path} cannot be read")
        try:
            # An encrypted key would ask on the terminal: none is there.
            context.load_cert_chain(options.cert_file, key_file, password=lambda: b"")
        except OSError as error:
            what = "a certificate and its private key, which must not be encrypted"
            raise StackError(_fault(f"{table}.cert_file", options.cert_file, error, what)) from None
    return TlsOptions(
        ca_file,
        options.cert_file,
        key_file,
        options.verify,
        options.verify_client,
        options.min_version,
    )


def _fault(key: str, path: str, error: OSError, wanted: str) -> str:
    why = getattr(error, "reason", None) or error.strerror or "unreadable"
    return f"{key}: {path}: {why}; it must hold {wanted}, in PEM"
