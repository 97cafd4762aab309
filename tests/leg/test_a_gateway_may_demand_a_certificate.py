"""`client_ca_file`: who connects must have a certificate that one of its authorities has signed."""

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.agent import TlsOptions
from bridge.gateway import GatewayOptions
from bridge.wire.errors import WireError
from tests.leg.network import Phone, connection, place, run, talks
from tests.leg.virtual import simulate
from tests.peers.certificates import Authority


def shown(where, certificate) -> TlsOptions:
    files = {"cert_file": str(certificate.cert_file), "key_file": str(certificate.key_file)}
    return where.tls.model_copy(update=files)


def test_a_plugin_that_has_one_is_served(tmp_path: Path):
    async def story():
        ours = Authority(tmp_path)
        async with place(client_ca_file=str(ours.ca_file)) as where:
            tls = shown(where, ours.issue("plugin", "plugin.example"))
            async with connection(where, tls) as line:
                await talks(line, where.agent())
            async with connection(where, tls) as line:
                await talks(line, where.agent())

    simulate(story())


@pytest.mark.parametrize("which", ["none", "expired", "of a stranger"])
def test_others_get_no_call_and_are_told_why(tmp_path: Path, caplog, which):
    async def story():
        ours = Authority(tmp_path)
        async with place(client_ca_file=str(ours.ca_file)) as where:
            tls = where.tls
            if which == "expired":
                tls = shown(where, ours.issue("plugin", "plugin.example", expired=True))
            elif which == "of a stranger":
                other = Authority(tmp_path, "Other Authority")
                tls = shown(where, other.issue("plugin", "plugin.example"))
            async with connection(where, tls) as line:
                phone = Phone(line, where.agent(open_timeout_secs=3))
                failed = await phone.failed()
                assert "client certificate" in failed.message or failed.code == "open_timeout"
                assert "client certificate" in caplog.text
            assert where.gateway.stats.calls == 0 and not where.gateway.sids

    simulate(story())


def test_nobody_comes_in_by_a_session_of_before(tmp_path: Path):
    async def story():
        ours = Authority(tmp_path)
        async with place(client_ca_file=str(ours.ca_file)) as where:
            tls = shown(where, ours.issue("plugin", "plugin.example"))
            async with connection(where, tls) as line:
                await talks(line, where.agent())
                await asyncio.sleep(0.1)
                assert not len(line._dialer._tickets) and not len(where.gateway._tickets)

    simulate(story())


def test_calls_through_relays_want_something_else_beside_it():
    with pytest.raises(ValidationError, match="give a token"):
        GatewayOptions(client_ca_file="ca.pem", relays=("moqt://relay.example:4433/a",))


def test_a_file_that_holds_no_certificate_is_told(tmp_path: Path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")

    async def gateway():
        async with place(client_ca_file=str(empty)):
            pass

    with pytest.raises(ValueError, match="holds no PEM certificate"):
        run(gateway())

    async def plugin():
        async with place() as where:
            files = {"cert_file": str(empty), "key_file": str(empty)}
            async with connection(where, where.tls.model_copy(update=files)) as line:
                await line.wait_connected(2)

    with pytest.raises(WireError, match=r"configuration: .*tls\.cert_file"):
        run(plugin())
