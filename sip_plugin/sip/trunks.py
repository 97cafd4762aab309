"""Which trunk a call belongs to: by where it comes from, or by which one can carry it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import quote

from sip_plugin.config import TrunkConfig
from sip_plugin.sip.ways import Way


@dataclass(slots=True)
class Trunk:
    name: str
    config: TrunkConfig
    addresses: tuple[str, ...] = ()
    """What its domain and proxy resolved to; empty until they did."""
    way: Way = field(default_factory=Way)
    """As its records say; heeded with `transport = "auto"` only."""
    sent_to: str = ""
    """`HOST` or `HOST:PORT` that its requests go to instead of its domain or proxy, likewise."""
    is_ready: bool = field(init=False)
    """Registered, or in no need of it: calls can go out."""

    def __post_init__(self) -> None:
        self.is_ready = not self.config.require_registration and not self.is_chosen_by_records

    @property
    def is_chosen_by_records(self) -> bool:
        return self.config.transport == "auto"

    @property
    def transport(self) -> str:
        """`udp`, `tcp` or `tls`."""
        return self.way.transport if self.is_chosen_by_records else self.config.transport

    def knows(self, address: str) -> bool:
        """Calls from there are this trunk's."""
        source = ip_address(address)
        if any(source in network for network in self.config.allow_from):
            return True
        return self.config.require_registration and address in self.addresses

    def uri_of(self, user: str) -> str:
        """Of a number or name at this trunk; of the trunk itself when `user` is empty."""
        scheme = "sips" if self.config.sips else "sip"
        at = f"{self._escaped(user)}@" if user else ""
        return f"{scheme}:{at}{self.config.domain}"

    def contact_at(self, at: str) -> str:
        """URI of ourselves at `HOST:PORT`, in angle brackets."""
        scheme = "sips" if self.config.sips else "sip"
        user = f"{self._escaped(self.config.sip_username)}@" if self.config.sip_username else ""
        return f"<{scheme}:{user}{at}{self._transport}>"

    @staticmethod
    def _escaped(user: str) -> str:
        # RFC 3261 section 25.1: `#` is a key of a telephone, and no character of a URI.
        return quote(user, safe="!$&'()*+,/;=?~-._")

    def target_of(self, user: str) -> str:
        """As `uri_of`, for where requests are sent to: it says by which transport."""
        return self.uri_of(user) + self._transport

    @property
    def proxy_uri(self) -> str:
        """Of the outbound proxy, as a route; empty when there is none."""
        config = self.config
        scheme = "sips" if config.sips else "sip"
        to = self.sent_to or config.proxy
        return f"{scheme}:{to};lr{self._transport}" if to else ""

    @property
    def _transport(self) -> str:
        # What a URI without the parameter stands for already: UDP of sip, TLS of sips.
        config = self.config
        implied = self.transport == "udp" or config.sips
        return "" if implied else f";transport={self.transport}"


class Trunks:
    def __init__(self, configs: Mapping[str, TrunkConfig]) -> None:
        self._trunks = {name: Trunk(name, config) for name, config in configs.items()}

    def __getitem__(self, name: str) -> Trunk:
        return self._trunks[name]

    def __iter__(self):
        return iter(self._trunks.values())

    def by_source(self, address: str, account: str, called: str) -> Trunk | None:
        """The trunk that a call from `address` belongs to, or None for a stranger.

        Trunks of one provider or PBX share its addresses: then the one that was called by its
        user name counts, then an IP trunk, whose sources are named, then the one whose account
        the SIP stack found, then the first.
        """
        try:
            known = [trunk for trunk in self if trunk.knows(address)]
        except ValueError:
            return None
        known.sort(
            key=lambda trunk: (
                trunk.config.sip_username != called,
                trunk.config.require_registration,
                trunk.name != account,
            )
        )
        return known[0] if known else None

    def account_of(self, address: str, called: str) -> str:
        """The name of the trunk that `by_source` finds; empty for a stranger."""
        trunk = self.by_source(address, "", called)
        return trunk.name if trunk is not None else ""

    def get(self, name: str) -> Trunk | None:
        return self._trunks.get(name)

    def replace(self, configs: Mapping[str, TrunkConfig]) -> None:
        """New settings for the same trunks; calls that begin from now on have them."""
        for name, config in configs.items():
            self._trunks[name].config = config
