"""Outbound calls over several trunks: shares by weight; others take over what one cannot."""

import random
from collections import Counter

from dialplan import Dial, Gate
from sip_plugin.sip.outward import NoWay, Outward, Way
from sip_plugin.sip.trunks import Trunks
from tests.sip.story import TRUNK, configured


def outward(*weights: int, limit: int = 0) -> Outward:
    trunks = {
        f"t{place}": {**TRUNK, "weight": weight, "channel_limit": limit}
        for place, weight in enumerate(weights)
    }
    config = configured({"trunks": trunks})
    return Outward(Trunks(config.trunks), Gate(config.routing), random.Random(5))


def begin(of: Outward, *names: str, sid: str = "s", used: dict | None = None) -> Way | NoWay:
    plan = Dial("+1", names, "", "because")
    return of.begin(sid, "parrot", plan, Counter(used or {}), 0.0)


def test_without_weights_the_order_of_the_rule_counts():
    of = outward(0, 0, 0)
    way = begin(of, "t2", "t0", "t1")
    assert (way.trunk.name, way.left) == ("t2", ("t0", "t1"))


def test_shares_are_those_of_the_weights():
    of = outward(3, 1)
    taken = Counter(begin(of, "t0", "t1", sid=str(n)).trunk.name for n in range(2000))
    assert 1420 <= taken["t0"] <= 1580
    assert taken["t0"] + taken["t1"] == 2000


def test_the_others_are_what_is_left_and_those_without_weight_come_last():
    of = outward(0, 5, 5)
    for n in range(20):
        way = begin(of, "t0", "t1", "t2", sid=str(n))
        assert {way.trunk.name, way.left[0]} == {"t1", "t2"}
        assert way.left[1] == "t0"


def test_a_full_trunk_gives_its_share_to_the_others():
    of = outward(1000, 1, limit=1)
    for n in range(10):
        assert begin(of, "t0", "t1", sid=str(n), used={"t0": 1}).trunk.name == "t1"
    assert begin(of, "t0", "t1", sid="x", used={"t0": 1, "t1": 1}).code == 486
