"""Which trunk carries a call of ours: the first that can, then the next when it could not."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from dialplan import Dial, Gate
from sip_plugin.sip.call import Call
from sip_plugin.sip.trunks import Trunk, Trunks


@dataclass(frozen=True, slots=True)
class Way:
    """A trunk that takes the call, which counts for its limits from now on."""

    trunk: Trunk
    left: tuple[str, ...]
    """Trunks that may be tried after it."""


@dataclass(frozen=True, slots=True)
class NoWay:
    code: int
    why: str


class Outward:
    def __init__(self, trunks: Trunks, gate: Gate, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._trunks = trunks
        self._gate = gate

    def begin(
        self, sid: str, agent: str, plan: Dial, used: Mapping[str, int], now: float
    ) -> Way | NoWay:
        """The first trunk that can carry a new call. `used`: running calls by trunk."""
        names = plan.trunks or tuple(trunk.name for trunk in self._trunks if trunk.is_ready)
        names = self._by_weight(names)
        if not names:
            return NoWay(503, "no trunk is ready")
        problems: list[NoWay] = []
        for place, name in enumerate(names):
            trunk = self._able(name, used)
            if isinstance(trunk, NoWay):
                problems.append(trunk)
                continue
            caller = plan.caller_id or trunk.config.sip_username
            over = self._gate.enter_outbound(sid, agent, caller, name, now)
            if over is None:
                return Way(trunk, names[place + 1 :])
            problems.append(NoWay(over.code, over.why))
        code = 486 if any(problem.code == 486 for problem in problems) else 503
        return NoWay(code, "; ".join(dict.fromkeys(problem.why for problem in problems)))

    def next(self, call: Call, used: Mapping[str, int], now: float) -> Way | None:
        """The next trunk that can carry a call whose trunk could not."""
        for place, name in enumerate(call.trunks_left, start=1):
            trunk = self._able(name, used)
            if isinstance(trunk, NoWay):
                continue
            if self._gate.change_trunk(call.sid, call.trunk, name, now) is None:
                return Way(trunk, call.trunks_left[place:])
        return None

    def _by_weight(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those with a weight first, each place drawn by it (as RFC 2782 does), then the rest."""
        found = {name: self._trunks.get(name) for name in names}
        weights = {name: trunk.config.weight for name, trunk in found.items() if trunk}
        left = [name for name in found if weights.get(name)]
        drawn: list[str] = []
        while left:
            [name] = self._rng.choices(left, [weights[name] for name in left])
            left.remove(name)
            drawn.append(name)
        return (*drawn, *(name for name in names if name not in drawn))

    def _able(self, name: str, used: Mapping[str, int]) -> Trunk | NoWay:
        trunk = self._trunks.get(name)
        if trunk is None or not trunk.is_ready:
            return NoWay(503, f'trunk "{name}" is not ready')
        limit = trunk.config.channel_limit
        if limit and used.get(name, 0) >= limit:
            return NoWay(486, f"trunk {name} has its {limit} calls")
        return trunk
