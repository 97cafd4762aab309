"""Errors that an operator can act on, and TLS that is really verified."""

import asyncio
import socket

import pytest
from aioquic.asyncio.server import serve

from bridge.agent import TlsOptions
from bridge.gateway.certificate import self_signed, write_ca
from bridge.leg.interface import Opened
from bridge.leg.quic import QuicConnection
from bridge.wire import sockets
from bridge.wire.errors import WireError
from tests.leg.network import Phone, connection, place
from tests.leg.virtual import simulate


async def refused(line: QuicConnection) -> WireError:
    with pytest.raises(WireError) as error:
        await line.wait_connected(1.5)
    return error.value


def test_a_gateway_whose_certificate_is_in_the_ca_file_is_believed():
    async def story():
        async with place() as where, connection(where) as line:
            await line.wait_connected(10)
            assert line.connected

    simulate(story())


@pytest.mark.parametrize("other_ca", [True, False])
def test_a_certificate_of_another_authority_is_refused(tmp_path, other_ca):
    ca_file = str(tmp_path / "other.pem") if other_ca else ""
    if other_ca:
        write_ca(ca_file, self_signed("127.0.0.1").pem)

    async def story():
        async with place() as where, connection(where, TlsOptions(ca_file=ca_file)) as line:
            phone = Phone(line, where.agent())
            assert (await phone.failed()).code == "certificate_refused"
            error = await refused(line)
            assert error.code == "certificate_refused"
            assert "tls.ca_file" in error.message

    simulate(story())


def test_a_certificate_for_another_name_is_refused():
    async def story():
        async with place() as where:
            tls = where.tls.model_copy(update={"server_name": "gateway.example.net"})
            async with connection(where, tls) as line:
                error = await refused(line)
                assert error.code == "certificate_refused"
                assert "gateway.example.net" in error.message

    simulate(story())


def test_verification_can_be_switched_off():
    async def story():
        async with place() as where, connection(where, TlsOptions(verify=False)) as line:
            await line.wait_connected(10)

    simulate(story())


def test_a_ca_file_that_is_not_there_is_named(tmp_path):
    async def story():
        tls = TlsOptions(ca_file=str(tmp_path / "nowhere.pem"))
        async with place() as where, connection(where, tls) as line:
            error = await refused(line)
            assert (error.code, "nowhere.pem" in error.message) == ("configuration", True)

    simulate(story())


def test_a_ca_file_that_is_no_certificate_is_named(tmp_path):
    (tmp_path / "text.pem").write_text("hello")

    async def story():
        tls = TlsOptions(ca_file=str(tmp_path / "text.pem"))
        async with place() as where, connection(where, tls) as line:
            error = await refused(line)
            assert (error.code, "text.pem" in error.message) == ("configuration", True)

    simulate(story())


def test_a_server_that_speaks_something_else_is_told_apart():
    async def story():
        made = self_signed("127.0.0.1")
        configuration = sockets.configuration(is_client=False, packet_bytes=1200)
        configuration.alpn_protocols = ["h3"]
        configuration.certificate, configuration.private_key = made.certificate, made.key
        server = await serve("127.0.0.1", 0, configuration=configuration)
        port = server._transport.get_extra_info("sockname")[1]
        line = QuicConnection(f"quic://127.0.0.1:{port}", TlsOptions(verify=False))
        error = await refused(line)
        assert error.code == "alpn_mismatch"
        await line.close()
        server.close()

    simulate(story())


def test_a_port_where_nobody_listens_fails_calls_at_once_and_is_tried_again():
    async def story():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        async with place() as where:
            line = QuicConnection(f"quic://127.0.0.1:{port}", where.tls)
            failed = await Phone(line, where.agent()).failed()
            assert failed.code == "connection_refused"
            assert "start the gateway" in failed.message
            async with place(port=port) as late:
                line._dialer._tls = late.tls
                await line.wait_connected(20)
            await line.close()

    simulate(story())


def test_a_gateway_that_never_answers_costs_a_call_no_more_than_its_open_timeout():
    async def story():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            async with place() as where:
                line = QuicConnection(f"quic://127.0.0.1:{deaf.getsockname()[1]}", where.tls)
                phone = Phone(line, where.agent(open_timeout_secs=0.2))
                assert (await phone.failed()).code == "open_timeout"
                error = await refused(line)
                assert error.code == "connection_timeout"
                await line.close()

    simulate(story())


def test_a_host_that_does_not_resolve_is_named():
    async def story():
        line = QuicConnection("quic://no-such-host.invalid:4433")
        error = await refused(line)
        assert (error.code, "no-such-host.invalid" in error.message) == ("host_unknown", True)
        await line.close()

    simulate(story())


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_token_is_refused_without_repeating_it(token):
    async def story():
        async with place(token="right-token") as where, connection(where) as line:
            failed = await Phone(line, where.agent(token=token)).failed()
            assert failed.code == "unauthorized"
            assert "right-token" not in failed.message

    simulate(story())


def test_the_right_token_opens():
    async def story():
        async with place(token="right-token") as where, connection(where) as line:
            await Phone(line, where.agent(token="right-token")).opened()

    simulate(story())


def test_an_unknown_agent_is_answered_with_those_there_are():
    async def story():
        async with place() as where, connection(where) as line:
            failed = await Phone(line, where.agent("budgie")).failed()
            assert (failed.code, "greeter, parrot" in failed.message) == ("unknown_agent", True)

    simulate(story())


def test_the_gateways_limit_of_calls_refuses_the_next_and_frees_what_ends():
    async def story():
        async with place(max_calls=2) as where, connection(where) as line:
            first = await Phone(line, where.agent()).opened()
            await Phone(line, where.agent()).opened()
            assert (await Phone(line, where.agent()).failed()).code == "too_many_calls"
            first.call.close("done")
            await asyncio.sleep(0.05)
            phone = Phone(line, where.agent())
            await phone.until(lambda: bool(phone.events))
            assert phone.events == [Opened()]

    simulate(story())


def test_a_second_call_of_the_same_sid_is_refused():
    async def story():
        async with place() as where, connection(where) as line:
            await Phone(line, where.agent(), sid="same").opened()
            assert (await Phone(line, where.agent(), sid="same").failed()).code == "duplicate_call"

    simulate(story())


def test_a_worker_with_too_many_calls_is_told_so_and_keeps_those_it_has():
    async def story():
        async with place() as where, connection(where) as line:
            phones = [Phone(line, where.agent()) for _ in range(130)]
            for phone in phones[:128]:
                await phone.opened()
            for phone in phones[128:]:
                assert (await phone.failed()).code == "too_many_calls"

    simulate(story())


def test_more_calls_one_after_the_other_than_fit_at_a_time():
    async def story():
        async with place() as where, connection(where) as line:
            for _ in range(3):
                phones = [Phone(line, where.agent()) for _ in range(100)]
                for phone in phones:
                    await phone.opened()
                for phone in phones:
                    phone.call.close("done")
            assert len(where.gateway.sids) <= 100

    simulate(story())
