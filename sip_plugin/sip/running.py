"""The calls that run, and what all parts of call control share: configuration, trunks, ports."""

from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address

from dialplan import Gate
from sip_plugin.config import Config
from sip_plugin.planes.messages import Lease
from sip_plugin.sip.call import Call
from sip_plugin.sip.events import LocalMedia
from sip_plugin.sip.leases import LeasePool
from sip_plugin.sip.trunks import Trunk, Trunks

LEG_MARK = "~"
"""Between a sid and the number of a further attempt of that call; sids have none."""


class Running:
    """No part keeps a configuration of its own: it may be replaced between two calls."""

    def __init__(
        self,
        config: Config,
        trunks: Trunks,
        pool: LeasePool,
        route: Callable[[str], str],
        max_calls: int,
    ) -> None:
        """`route` tells our address towards an IP address, for sockets bound to all of them."""
        self.config = config
        self.trunks = trunks
        self.pool = pool
        self.gate = Gate(config.routing)
        self.max_calls = max_calls
        self.drain_retry_secs: int | None = None
        """None: not draining."""
        self.calls: dict[str, Call] = {}
        self._route = route

    def replace(self, config: Config) -> None:
        """From now on calls begin with this; running ones go on with what they began with."""
        self.config = config
        self.trunks.replace(config.trunks)
        self.gate.replace(config.routing)

    def of_leg(self, leg: str) -> Call | None:
        """The call that has this name at the stack now, or is about to have it; none for an attempt
        that was given up."""
        call = self.calls.get(leg.partition(LEG_MARK)[0])
        if call is None or (call.leg != leg and (call.coming is None or call.coming.leg != leg)):
            return None
        return call

    def by_trunk(self) -> Counter[str]:
        return Counter(call.trunk for call in self.calls.values())

    def replacing_of(self, source: str) -> int:
        """Calls from an address that want another's place, and are not confirmed."""
        return sum(c.coming is not None and c.coming.source == source for c in self.calls.values())

    def pending_of(self, source: str) -> int:
        """All calls from an address that are not confirmed."""
        new = sum(c.source == source and not c.confirmed for c in self.calls.values())
        return new + self.replacing_of(source)

    def take_port(self, sid: str) -> tuple[str, Lease]:
        """A port, of which there is one, and the worker that it is of."""
        taken = self.pool.take(sid)
        assert taken is not None
        return taken

    def local_media(self, lease: Lease, trunk: Trunk, far: str) -> LocalMedia:
        """What our SDP says towards the address `far`."""
        address = trunk.config.public_address or self.config.sip.public_address
        address = address or lease.address
        if ip_address(address).is_unspecified:
            address = self._route(far or ("2001:db8::1" if ":" in address else ""))
        codecs = tuple(trunk.config.codec_preferences)
        return LocalMedia(address, lease.port, codecs, trunk.config.srtp)
