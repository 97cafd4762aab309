"""Call control with a small plugin around it, for literal timelines."""

import datetime as dt

from sip_plugin.config import Config
from sip_plugin.media.description import MediaDescription, PhoneCodec
from sip_plugin.planes.messages import Lease, ModelReady, Originate
from sip_plugin.sip.actions import Tell, ToWorker
from sip_plugin.sip.callcontrol import CallControl
from sip_plugin.sip.events import Confirmed, Invite, MediaChanged
from sip_plugin.sip.leases import LeasePool
from sip_plugin.sip.limits import SourceLimits
from sip_plugin.sip.sdp import AudioOffer
from sip_plugin.sip.trunks import Trunks

MEDIA = MediaDescription(
    codec=PhoneCodec.ULAW,
    remote_address="192.0.2.9",
    remote_rtp_port=40_000,
    remote_rtcp_port=40_001,
    tx_payload_type=0,
    rx_payload_type=0,
)


TRUNK = {
    "domain": "192.0.2.9",
    "require_registration": False,
    "allow_from": ["192.0.2.0/24"],
    "max_ring_secs": 30.0,
}
AGENT = {"endpoint": "quic://127.0.0.1:4433"}


def configured(tables: dict) -> Config:
    return Config.model_validate(
        {
            "trunks": {"main": TRUNK},
            "agents": {"parrot": AGENT},
            "dialplan": {"default": {"agent": "parrot"}, "outbound": {"allow": ["_+."]}},
            **tables,
        }
    )


class Story:
    """A plugin with one IP trunk, one worker with two ports, and room for two calls.

    `tables` replace those of its configuration.
    """

    def __init__(
        self,
        address: str = "0.0.0.0",
        tables: dict | None = None,
        limits: SourceLimits | None = None,
        **sip,
    ) -> None:
        config = configured({"sip": {"answer_timeout_secs": 10.0, **sip}} | (tables or {}))
        pool = LeasePool()
        pool.join("w")
        pool.offer("w", tuple(Lease(lease_id=f"w.{n}", address=address, port=n) for n in (10, 20)))
        self.control = CallControl(
            config,
            Trunks(config.trunks),
            pool,
            lambda far: f"toward {far}",
            2,
            limits,
            wall_clock=lambda: self.at,
        )
        self.at = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
        self.pool = pool

    def invite(
        self, sid: str = "s1", now: float = 0.0, called: str = "2", caller: str = "1", **more
    ):
        offer = AudioOffer((PhoneCodec.ULAW,))
        source = ("192.0.2.9", 5060)
        return self.control.invite(Invite(sid, source, caller, called, offer, **more), now)

    def answered(self, sid: str = "s1") -> None:
        self.invite(sid)
        self.control.on_message("w", ModelReady(sid=sid), 1.0)
        self.control.on_event(MediaChanged(sid, MEDIA), 1.0)
        self.control.on_event(Confirmed(sid), 1.1)

    def originate(self, now: float = 0.0) -> str:
        actions = self.control.originate(
            Originate(request_id="r", number="+1", agent_name="parrot"), now
        )
        return actions[0].message.sid


def told(actions) -> list:
    return [action.message for action in actions if isinstance(action, Tell)]


def to_worker(actions) -> list:
    return [action.message for action in actions if isinstance(action, ToWorker)]
