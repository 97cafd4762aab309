"""Trunk and agent choose the profile; what they set themselves wins, the agent before the trunk."""

from bridge.profile import LegOptions, resolve
from bridge.turn.options import TurnOptions
from sip_plugin.config import Config

AGENT = {"endpoint": "quic://127.0.0.1:4433"}
TRUNK = {"domain": "192.0.2.1", "require_registration": False, "allow_from": ["192.0.2.1"]}


def leg(trunk: dict, agent: dict):
    config = Config.model_validate({"trunks": {"t": TRUNK | trunk}, "agents": {"a": AGENT | agent}})
    return config.leg_of("t", "a")


def test_a_sip_leg_is_raw_unless_the_trunk_says_otherwise():
    assert leg({}, {}).canceller == "aec3"
    assert leg({"leg_profile": "aec"}, {}).canceller == "none"


def test_an_agent_may_choose_another_profile_than_its_trunk():
    assert leg({"leg_profile": "aec"}, {"leg_profile": "raw"}).canceller == "aec3"


def test_every_value_can_be_overridden_the_agents_last():
    overridden = leg(
        {"leg": {"canceller": "none", "agent_gate_dbfs": -30.0}},
        {"leg": {"agent_gate_dbfs": -35.0, "barge_confirm_ms": 450}},
    )
    assert overridden.canceller == "none"
    turn = overridden.turn(TurnOptions())
    assert (turn.agent_gate_dbfs, turn.barge_confirm_ms) == (-35.0, 450)


def test_an_agents_own_turn_option_wins_over_the_profile_but_not_over_the_leg():
    own = TurnOptions(agent_gate_dbfs=-33.0)
    assert resolve("aec", own).turn(own).agent_gate_dbfs == -33.0
    stated = LegOptions(agent_gate_dbfs=-48.0)
    assert resolve("aec", own, stated).turn(own).agent_gate_dbfs == -48.0
