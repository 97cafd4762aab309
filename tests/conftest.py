"""Fixtures of the end-to-end tests: real peers on free ports, the plugin as a subprocess.

A test whose peer is not installed is skipped with a message that says how to get it; with
SIP_PLUGIN_REQUIRE_PEERS=1, as in CI, a skip of any test is a failure. See docs/testing.md.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.peers.absent import PEERS_REQUIRED
from tests.peers.aiomoqt_peer import Relay
from tests.peers.asterisk import Asterisk, check_asterisk
from tests.peers.baresip import Baresip, check_baresip
from tests.peers.plugin import Gateway, Plugin, SilentModel, agent, ip_trunk
from tests.peers.ports import Ports
from tests.peers.rtp_peer import RtpPeer
from tests.peers.sipp import Sipp, check_sipp

# A busy machine is slow, and no test says how fast an example is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if PEERS_REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    if PEERS_REQUIRED and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def ports() -> Ports:
    """Ports of this test run alone."""
    return Ports()


@pytest.fixture(scope="session")
def asterisk_process(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asterisk]:
    """One Asterisk 22 for the whole run."""
    check_asterisk()
    running = Asterisk(ports, tmp_path_factory.mktemp("asterisk"))
    yield running
    running.stop()


@pytest.fixture
def asterisk(asterisk_process: Asterisk) -> Asterisk:
    """It, with accounts 1001 (the plugin's) and 2001 that nobody is registered as: a plugin that
    was killed could not end its registration, and calls would go to where it was."""
    asterisk_process.forget_contacts()
    return asterisk_process


@pytest.fixture
def relay(ports: Ports, tmp_path: Path) -> Iterator[Relay]:
    """A MoQT relay of the test's own: aiomoqt's."""
    running = Relay(ports, _folder(tmp_path / "relay"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def model(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One model server for the whole run, that answers without delay. Do not stop it."""
    running = Gateway(ports, tmp_path_factory.mktemp("model"))
    yield running
    running.stop()


@pytest.fixture
def gateway(ports: Ports, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Start a model server of the test's own: gateway("--first-audio-ms", "300")."""
    with ExitStack() as running:
        number = count(1)

        def start(*options: str, instead_of: Gateway | None = None) -> Gateway:
            folder = _folder(tmp_path / f"gateway-{next(number)}")
            started = Gateway(ports, folder, *options, instead_of=instead_of)
            running.callback(started.stop)
            return started

        yield start


@pytest.fixture
def plugin(ports: Ports, tmp_path: Path) -> Iterator[Callable[..., Plugin]]:
    """Start the plugin: plugin(trunks={…}, agents={…}, dialplan={…}, media={…}, ready=True).

    At the end it must stop with code 0, with all its children, and without a traceback.
    """
    with ExitStack() as running:
        number = count(1)

        def start(*, ready: bool = True, **tables: Any) -> Plugin:
            started = Plugin(ports, _folder(tmp_path / f"plugin-{next(number)}"), tables)
            running.callback(started.stop)
            if ready:
                started.wait_ready()
            return started

        yield start


@pytest.fixture
def silent_model() -> Iterator[SilentModel]:
    """A model server that never answers."""
    running = SilentModel()
    yield running
    running.stop()


@pytest.fixture
def line(shared_line: Plugin) -> Iterator[Plugin]:
    """A plugin for tests that only call it: the parrot at +15551234567, no other route.

    It takes calls from 127.0.0.1 and from nowhere else. It is shared by the whole run, so a
    test that leaves a call behind fails.
    """
    yield shared_line
    shared_line.process.wait_until(
        lambda: not shared_line.running_calls(), "every call of the test to end"
    )


@pytest.fixture(scope="session")
def shared_line(
    ports: Ports, tmp_path_factory: pytest.TempPathFactory, model: Gateway
) -> Iterator[Plugin]:
    """What `line` gives; do not ask for this one."""
    running = Plugin(
        ports,
        tmp_path_factory.mktemp("line"),
        {
            "trunks": {"loop": ip_trunk()},
            "agents": {"parrot": agent(model)},
            "dialplan": {"routes": [{"number": "+15551234567", "agent": "parrot"}]},
        },
    )
    try:
        running.wait_ready()
    except BaseException:
        running.stop(well=False)
        raise
    yield running
    running.stop()


@pytest.fixture
def rtp_peer(ports: Ports) -> Iterator[Callable[..., RtpPeer]]:
    """Open the media of one phone: rtp_peer() or rtp_peer(codec="g711_alaw")."""
    with ExitStack() as running:

        def start(**options: Any) -> RtpPeer:
            started = RtpPeer(ports, **options)
            running.callback(started.close)
            return started

        yield start


@pytest.fixture
def sipp(ports: Ports, tmp_path: Path) -> Iterator[Callable[..., Sipp]]:
    """Start a scenario of tests/peers/sipp: sipp("call", line.address, rtp_port=peer.port)."""
    check_sipp()
    with ExitStack() as running:
        number = count(1)

        def start(scenario: str, target: str, *args: Any, **options: Any) -> Sipp:
            folder = _folder(tmp_path / f"sipp-{next(number)}")
            started = Sipp(ports, folder, scenario, target, *args, **options)
            running.callback(started.stop)
            return started

        yield start


@pytest.fixture
def baresip(ports: Ports, tmp_path: Path) -> Iterator[Callable[..., Baresip]]:
    """Start a softphone that answers by itself: baresip(said=pcm)."""
    check_baresip()
    with ExitStack() as running:
        number = count(1)

        def start(**options: Any) -> Baresip:
            started = Baresip(ports, _folder(tmp_path / f"baresip-{next(number)}"), **options)
            running.callback(started.stop)
            return started

        yield start


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path
