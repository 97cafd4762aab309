"""What is wrong with a certificate file is said before the stack is started: key, file, why."""

import pytest

from sip_plugin.sip.errors import StackError
from sip_plugin.sip.tls import TlsOptions, checked
from tests.peers.certificates import Authority


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


def test_files_that_fit_are_taken(authority):
    own = authority.issue("own", "sip.example.net")
    together = own.cert_file.with_suffix(".pem")
    together.write_bytes(own.cert_file.read_bytes() + own.key_file.read_bytes())

    options = checked(TlsOptions(str(authority.ca_file), str(together)))

    assert options.key_file == str(together)


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("ca_file", TlsOptions(ca_file="/nowhere/ca.pem")),
        ("cert_file", TlsOptions(cert_file="/nowhere/cert.pem")),
        ("ca_file", TlsOptions(ca_file=__file__)),
        ("cert_file", TlsOptions(cert_file=__file__)),
    ],
)
def test_a_file_that_is_absent_or_no_pem_is_named(key, options):
    with pytest.raises(StackError, match=rf"^sip\.tls\.{key}: /\S+"):
        checked(options)


def test_a_key_of_another_certificate_is_said_so(authority):
    one, other = authority.issue("one", "a.test"), authority.issue("other", "b.test")

    with pytest.raises(StackError, match=r"sip\.tls\.cert_file: .*MISMATCH"):
        checked(TlsOptions("", str(one.cert_file), str(other.key_file)))
