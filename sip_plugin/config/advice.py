"""What is valid, but probably not meant."""

import itertools
from collections.abc import Iterable, Iterator

from dialplan import CallFacts, NoDial, Reject
from dialplan.entry import is_uri, number_of_uri
from dialplan.lint import findings
from sip_plugin.config.address import is_loopback
from sip_plugin.config.errors import Issue
from sip_plugin.config.load import Located, dotted
from sip_plugin.config.models import Config
from sip_plugin.config.positions import Path

Advice = tuple[Path, str]


def advice(located: Located, name: str) -> list[Issue]:
    """Say what looks wrong in the valid configuration of the file `name`, by its lines."""
    config = located.config
    found = itertools.chain(
        _trunks(config), _agents(config), _routes(config), _ports(config), _transfers(config)
    )
    return _issues(located, name, found)


def _issues(located: Located, name: str, found: Iterable[Advice]) -> list[Issue]:
    positions = located.positions
    issues = [Issue(name, positions.line(path), f"{dotted(path)}: {text}") for path, text in found]
    return sorted(issues, key=lambda issue: issue.line)


def _trunks(config: Config) -> Iterator[Advice]:
    if not config.trunks:
        yield ("trunks",), "there is none, so no call can come in or go out; add [trunks.NAME]"
    for name, trunk in config.trunks.items():
        if trunk.require_registration and not trunk.sip_password.get_secret_value():
            yield ("trunks", name), "registers without a sip_password"
        if trunk.srtp != "off" and trunk.transport != "tls":
            yield (
                ("trunks", name, "srtp"),
                "the keys of the audio go over SIP in the clear: whoever can hear the line can "
                'read them too; set transport = "tls"',
            )
        for index, network in enumerate(trunk.allow_from):
            if network.prefixlen == 0:
                yield (
                    ("trunks", name, "allow_from", index),
                    "accepts calls from any address, so from every scanner of the internet",
                )
    for (one, first), (other, second) in itertools.combinations(config.trunks.items(), 2):
        pairs = itertools.product(first.allow_from, enumerate(second.allow_from))
        for network, (index, another) in pairs:
            if network.version == another.version and network.overlaps(another):
                yield (
                    ("trunks", other, "allow_from", index),
                    f"overlaps a source of trunk {one}: such calls could be either's",
                )


def _agents(config: Config) -> Iterator[Advice]:
    yield from _unused_agents(config)
    for name, agent in config.agents.items():
        hosts = [
            endpoint.removeprefix("quic://").rpartition(":")[0].strip("[]")
            for endpoint in agent.weights
        ]
        if not agent.tls.verify and not all(map(is_loopback, hosts)):
            yield (
                ("agents", name, "tls", "verify"),
                "the gateway's name is not verified: its token goes to whoever answers there",
            )


def _unused_agents(config: Config) -> Iterator[Advice]:
    used = {agent for _, agent in config.dialplan.agents_used()}
    for name in config.agents:
        if name not in used:
            yield ("agents", name), "no route leads to it; only outbound calls can name it"


def _routes(config: Config) -> Iterator[Advice]:
    plan = config.dialplan
    if not any(plan.agents_used()):
        yield ("dialplan",), "leads to no agent, so every inbound call is refused"
    for path, text in findings(plan):
        yield ("dialplan", *path), text


def lint(located: Located, name: str) -> list[Issue]:
    """What `advice` says of the dialplan, and which of our own numbers lead nowhere."""
    config = located.config
    found = [*_routes(config), *_unused_agents(config), *_numbers_without_route(config)]
    found += _transfers(config)
    return _issues(located, name, found)


def _numbers_without_route(config: Config) -> Iterator[Advice]:
    for name, trunk in config.trunks.items():
        if trunk.sip_username:
            decision = config.routing.decide(CallFacts(trunk.sip_username, trunk=name))
            if isinstance(decision, Reject):
                text = f"calls to it get {decision.code}: {decision.why}"
                yield ("trunks", name, "sip_username"), text
    yield from _numbers_that_cannot_be_called_back(config)


def _numbers_that_cannot_be_called_back(config: Config) -> Iterator[Advice]:
    """Those that we call as, when no trunk's calls to them lead anywhere."""
    outbound = config.dialplan.outbound
    named: list[tuple[Path, str]] = [
        (("caller_ids", place), number) for place, number in enumerate(outbound.caller_ids)
    ]
    named += [
        (("rules", place, "caller_id"), rule.caller_id)
        for place, rule in enumerate(outbound.rules)
        if rule.caller_id not in outbound.caller_ids
    ]
    for path, number in named:
        if not number or number.startswith("_"):
            continue
        decisions = [config.routing.decide(CallFacts(number, trunk=name)) for name in config.trunks]
        if decisions and all(isinstance(decision, Reject) for decision in decisions):
            text = f"who calls it back gets {decisions[0].code}: {decisions[0].why}"
            yield ("dialplan", "outbound", *path), text


def _transfers(config: Config) -> Iterator[Advice]:
    """Transfers that will fail, as far as their targets are written out."""
    targets: list[tuple[Path, str]] = [
        (("dialplan", *path, "transfer"), outcome.transfer)
        for path, outcome in config.dialplan.outcomes()
        if outcome.transfer and "{" not in outcome.transfer
    ]
    targets += [
        (("agents", name, "fallback", "transfer"), agent.fallback.transfer)
        for name, agent in config.agents.items()
        if agent.fallback and agent.fallback.transfer
    ]
    for path, target in targets:
        number = number_of_uri(target) if is_uri(target) else target
        refused = config.dialplan.outbound.decide(number) if number else None
        if isinstance(refused, NoDial):
            yield path, f"[dialplan.outbound] refuses it: {refused.why}"


def _ports(config: Config) -> Iterator[Advice]:
    if config.media.rtp_start_port <= config.sip.bind_port <= config.media.rtp_end_port:
        yield ("sip", "bind"), "the port lies within the range of RTP ports, and may be taken"
