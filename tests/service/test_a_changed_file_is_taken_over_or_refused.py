import asyncio
import os
import signal

import pytest

from sip_plugin.config import Config, ConfigError
from sip_plugin.config.errors import Issue
from sip_plugin.planes.messages import Reconfigure, ReconfigureAnswer
from sip_plugin.service.client import ApiError
from tests.service.lab import CONFIG, plugin
from tests.service.supervised import CONFIG as SUPERVISED
from tests.service.supervised import Supervised


def changed(**tables) -> Config:
    return Config.model_validate({**CONFIG.model_dump(exclude_defaults=True), **tables})


def asked(folder, new, problem: str = "", lines: int = 1):
    """The answer to a reload, and the document that the SIP process got, if any."""

    def read() -> Config:
        if isinstance(new, Exception):
            raise new
        return new

    async def story():
        async with plugin(folder, read_again=read) as stage:
            reloading = asyncio.create_task(stage.client.reload())
            document = ""
            if isinstance(new, Config):
                while not reloading.done():
                    try:
                        async with asyncio.timeout(0.3):
                            part = await stage.sip.received.get()
                    except TimeoutError:
                        continue
                    assert isinstance(part, Reconfigure)
                    document += part.part
                    if part.last:
                        answer = ReconfigureAnswer(request_id=part.request_id, problem=problem)
                        stage.sip.send(answer)
            try:
                return await reloading, document
            except ApiError as error:
                return error, document

    return asyncio.run(story())


def test_what_is_live_goes_to_the_sip_process_and_is_named(tmp_path):
    new = changed(dialplan={"default": {"agent": "parrot"}})
    answer, document = asked(tmp_path, new)
    assert answer and all(line.startswith("dialplan.default") for line in answer)
    assert Config.model_validate_json(document).dialplan == new.dialplan


def test_a_plan_longer_than_a_message_goes_in_parts(tmp_path):
    routes = [{"number": f"+1555{n:07}", "agent": "parrot"} for n in range(8000)]
    new = changed(dialplan={"routes": routes})
    _, document = asked(tmp_path, new)
    assert len(document) > 256 * 1024
    assert Config.model_validate_json(document).dialplan.routes == new.dialplan.routes


@pytest.mark.parametrize(
    ("new", "problem", "why"),
    [
        (ConfigError([Issue("f.toml", 3, "agents.parrot: no")]), "", "f.toml:3: agents.parrot: no"),
        (changed(sip={"bind": "127.0.0.1:5999"}), "", "only a restart can take over: sip.bind"),
        (changed(dialplan={"default": {"agent": "parrot"}}), "a fault", "refused it: a fault"),
    ],
)
def test_all_or_nothing(tmp_path, new, problem: str, why: str):
    error, document = asked(tmp_path, new, problem)
    assert isinstance(error, ApiError) and error.status == 409
    assert why in str(error)
    assert bool(document) == bool(problem)


def test_without_a_change_nothing_is_sent(tmp_path):
    assert asked(tmp_path, CONFIG) == ([], "")


FILE = """
[media]
workers = 2
[service]
drain_secs = 1.0
[trunks.lab]
domain = "127.0.0.1:9"
require_registration = false
allow_from = ["127.0.0.1"]
[agents.parrot]
endpoint = "quic://127.0.0.1:9"
token = "secret!"
[agents.second]
endpoint = "quic://127.0.0.1:9"
"""


def test_sighup_takes_it_over_and_a_restarted_child_has_it(tmp_path):
    assert set(SUPERVISED) == {"media", "service", "trunks", "agents"}
    with Supervised(tmp_path) as running:
        running.wait_ready()
        before = running.children()
        (tmp_path / "new.toml").write_text(FILE + "[sip]\nbnid = 1\n")
        running.process.send_signal(signal.SIGHUP)
        running.wait(lambda: "not reloaded, nothing changes" in running.log, "the refusal")
        assert "sip.bnid" in running.log
        (tmp_path / "new.toml").write_text(FILE)
        running.process.send_signal(signal.SIGHUP)
        running.wait(lambda: "configuration reloaded: agents.second added" in running.log, "it")
        assert running.children() == before
        assert "agent second" not in running.log
        os.kill(before["worker-0"], signal.SIGKILL)
        running.wait(lambda: "agent second" in running.log, "the child with the new document")
