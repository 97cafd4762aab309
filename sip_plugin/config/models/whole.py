"""The whole file, and the faults that more than one of its tables take part in."""

from collections.abc import Iterator
from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from bridge.agent import AgentSpec
from bridge.profile import LegProfile, resolve
from bridge.turn.options import TurnOptions
from dialplan import Dialplan
from dialplan.outcome import is_target
from dialplan.plan import Plan
from sip_plugin.config import families, sip_headers
from sip_plugin.config.models.media import MediaConfig
from sip_plugin.config.models.section import Problem, Section, refuse
from sip_plugin.config.models.service import ServiceConfig
from sip_plugin.config.models.sip import SipConfig
from sip_plugin.config.models.trunk import TrunkConfig
from sip_plugin.config.nearest import did_you_mean
from sip_plugin.config.values import Name

MAX_TRUNKS = 64
"""What a pjsua2 built by scripts/build-pjsua2 has room for; the stock wheel has room for 8, which
is checked when the plugin starts."""


class Config(Section):
    """The whole file."""

    sip: SipConfig = SipConfig()
    media: MediaConfig = MediaConfig()
    service: ServiceConfig = ServiceConfig()
    trunks: dict[Name, TrunkConfig] = Field(default_factory=dict, max_length=MAX_TRUNKS)
    agents: dict[Name, AgentSpec] = Field(default_factory=dict)
    dialplan: Plan = Plan()

    @cached_property
    def routing(self) -> Dialplan:
        """The dialplan ready to decide about the calls of these trunks."""
        numberings = {name: trunk.numbers for name, trunk in self.trunks.items()}
        return Dialplan(self.dialplan, numberings)

    def _names_without_a_table(self) -> Iterator[Problem]:
        plan = self.dialplan
        named = (
            ("agent", ("agents",), self.agents, (*plan.agents_used(), *plan.agents_limited())),
            ("trunk", ("trunks",), self.trunks, plan.trunks_used()),
            ("times", ("dialplan", "times"), plan.times, plan.times_used()),
        )
        for what, table, known, uses in named:
            for path, name in uses:
                if name not in known:
                    hint = did_you_mean(name, known)
                    verb = "are" if what == "times" else "is"
                    message = f"there {verb} no such {what}{hint}"
                    yield Problem(("dialplan", *path), message, ((*table, name),))

    def _fallbacks_that_lead_nowhere(self) -> Iterator[Problem]:
        for name, agent in self.agents.items():
            if (
                agent.fallback
                and agent.fallback.transfer
                and not is_target(agent.fallback.transfer)
            ):
                message = "must be a number or a SIP address, such as sip:desk@pbx.example.net"
                yield Problem(("agents", name, "fallback", "transfer"), message)

    def _addresses_of_another_family(self) -> Iterator[Problem]:
        sip = self.sip
        written: list[tuple[tuple[str, ...], str]] = [
            (("sip", "bind_tcp"), sip.bind_tcp),
            (("sip", "bind_tls"), sip.bind_tls),
            (("sip", "public_address"), sip.public_address),
            (("media", "bind_address"), self.media.bind_address),
        ]
        for name, trunk in self.trunks.items():
            for key in ("domain", "proxy", "public_address"):
                written.append((("trunks", name, key), getattr(trunk, key)))
            # It may name others beside those from which calls can come.
            versions = {network.version: str(network) for network in trunk.allow_from}
            if len(versions) == 1:
                network = next(iter(versions.values())).partition("/")[0]
                written.append((("trunks", name, "allow_from"), network))
        for path, problem in families.strangers(sip.bind_host, written):
            yield Problem(path, problem, (("sip", "bind"),))

    def _headers_that_sip_owns(self) -> Iterator[Problem]:
        for name, agent in self.agents.items():
            for fault in filter(None, map(sip_headers.pattern_fault, agent.sip_headers)):
                yield Problem(("agents", name, "sip_headers"), fault)
        for index, rule in enumerate(self.dialplan.outbound.rules):
            for header, fault in sip_headers.faults(rule.headers):
                path = ("dialplan", "outbound", "rules", index, "headers", header)
                yield Problem(path, fault)

    def leg_of(self, trunk_name: str, agent_name: str) -> LegProfile:
        """What a call of this trunk with this agent does to its audio. Raises KeyError.

        Without an agent's name: with none, such as a prompt's.
        """
        trunk = self.trunks[trunk_name]
        if not agent_name:
            return resolve(trunk.leg_profile, TurnOptions(), trunk.leg)
        agent = self.agents[agent_name]
        name = agent.leg_profile or trunk.leg_profile
        return resolve(name, agent.turn, trunk.leg, agent.leg)

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        problems = [
            *self._names_without_a_table(),
            *self._fallbacks_that_lead_nowhere(),
            *self._headers_that_sip_owns(),
            *self._addresses_of_another_family(),
        ]
        if self.media.port_pairs < self.sip.max_calls:
            problems.append(
                Problem(
                    ("media", "rtp_end_port"),
                    f"the range has room for {self.media.port_pairs} RTP/RTCP port pairs, "
                    f"but sip.max_calls is {self.sip.max_calls}",
                    (("media", "rtp_start_port"), ("sip", "max_calls")),
                )
            )
        if problems:
            refuse(problems)
        return self
