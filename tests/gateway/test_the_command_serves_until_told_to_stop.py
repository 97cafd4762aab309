import asyncio
import signal

import pytest

from bridge.agent import AgentSpec, TlsOptions
from bridge.leg.quic import QuicConnection
from tests.gateway.command import started
from tests.leg.network import Phone, run, speech, talks


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_call_with_the_printed_settings_works_and_a_signal_ends_it(tmp_path, number):
    async def story():
        ca_file = str(tmp_path / "gateway.pem")
        process = await started(
            *("--listen", "127.0.0.1:0", "--write-ca", ca_file, "--token", "${MODEL_TOKEN}"),
            *("--pace", "0", "--log-level", "warning"),
            MODEL_TOKEN="hush",
        )
        printed = []
        while not printed or "ca_file" not in printed[-1]:
            printed.append((await process.stdout.readline()).decode())
            assert printed[-1], "ended early"
        endpoint = printed[0].split()[-1]
        assert f'endpoint = "{endpoint}"\n' in printed
        assert 'token = "${MODEL_TOKEN}"\n' in printed
        assert printed[-1] == f'ca_file = "{ca_file}"\n'
        line = QuicConnection(endpoint, TlsOptions(ca_file=ca_file))
        phone = await talks(line, AgentSpec(endpoint=endpoint, agent="parrot", token="hush"))
        process.send_signal(number)
        assert (await phone.failed()).code in ("shutting_down", "connection_lost")
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0, errors
        assert b"Traceback" not in errors
        await line.close()

    run(story())


@pytest.mark.parametrize("ends", ["its call ends", "a second signal"])
def test_a_signal_lets_running_calls_end_first(tmp_path, ends):
    async def story():
        file = tmp_path / "gateway.toml"
        file.write_text(
            '[gateway]\nlisten = "127.0.0.1:0"\ndrain_secs = 60\n'
            '[agents.parrot]\nbackend = "parrot"\npace = 0\n'
        )
        ca_file = str(tmp_path / "gateway.pem")
        process = await started("-c", str(file), "--write-ca", ca_file, "--log-level", "warning")
        printed = (await process.stdout.readline()).decode()
        while b"ca_file" not in await process.stdout.readline():
            pass
        endpoint = printed.split()[-1]
        tls = TlsOptions(ca_file=ca_file)
        agent = AgentSpec(endpoint=endpoint, agent="parrot")
        line, other = QuicConnection(endpoint, tls), QuicConnection(endpoint, tls)
        phone = await talks(line, agent)
        await other.wait_connected(5)
        process.send_signal(signal.SIGTERM)
        while line.going_away is None:
            await asyncio.sleep(0.02)
        assert (await Phone(other, agent).failed()).code == "shutting_down"
        phone.call.commit(2, phone.say(speech(0.3)))
        assert len(await phone.reply_to(2)) > 0
        if ends == "a second signal":
            process.send_signal(signal.SIGTERM)
            assert (await phone.failed()).code in ("shutting_down", "connection_lost")
        else:
            phone.call.close("done")
            line.flush()
        _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0, errors
        assert b"Traceback" not in errors
        await line.close()
        await other.close()

    run(story())


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--listen", "nowhere"], 2, b"must be HOST:PORT"),
        (["--listen", "192.0.2.1:1"], 1, b"192.0.2.1:1"),
        (["--metrics-listen", "9464"], 2, b"--metrics-listen 9464: must be HOST:PORT"),
        (["--relay", "quic://r:1"], 2, b"--relay quic://r:1: must be moqt://HOST:PORT/PATH"),
        (["--cert", "a.pem"], 2, b"--key"),
        (["--token", "${NO_SUCH_VARIABLE}"], 2, b"NO_SUCH_VARIABLE"),
        (["--listen", "127.0.0.1:0", "--cert", "/nowhere.pem", "--key", "/k"], 1, b"/nowhere.pem"),
        (["--listen", "127.0.0.1:0", "--write-ca", "/nowhere/ca.pem"], 1, b"/nowhere/ca.pem"),
    ],
)
def test_wrong_options_say_what_is_wrong(options, code, said):
    async def story():
        process = await started(*options)
        _, errors = await asyncio.wait_for(process.communicate(), 30)
        assert (process.returncode, said in errors) == (code, True), errors
        assert b"Traceback" not in errors

    run(story())
