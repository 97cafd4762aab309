"""A phone on a line, without sockets: packets with their times, and what the session makes of them.

Every packet of 20 ms is two loud levels that tell its number, so that a frame of the uplink
tells which one it is.
"""

import random
from dataclasses import dataclass

from bridge.audio import g711
from sip_plugin.media import rtp
from sip_plugin.media.caller_frames import CallerFrame
from sip_plugin.media.description import MediaDescription, PhoneCodec
from sip_plugin.media.session import RtpEvent, RtpSession

PHONE = ("192.0.2.10", 4000)
STRANGER = ("203.0.113.66", 6000)
PHONE_RTCP = ("192.0.2.10", 4001)
EVENTS = 101
SSRC = 0x0A0B0C0D
LOUD = [code for code in range(0x82, 0xC0)]
"""µ-law codes of high levels: 62 different ones."""
QUIET = 0xFF
_NUMBER_OF = {int(g711.decode(g711.ULAW, bytes([code]))[0]): i for i, code in enumerate(LOUD)}


def description(**changes) -> MediaDescription:
    facts = {
        "codec": PhoneCodec.ULAW,
        "remote_address": PHONE[0],
        "remote_rtp_port": PHONE[1],
        "remote_rtcp_port": PHONE_RTCP[1],
        "tx_payload_type": 0,
        "rx_payload_type": 0,
        "tx_event_payload_type": EVENTS,
        "rx_event_payload_type": EVENTS,
    }
    return MediaDescription(**(facts | changes))


def session(now: float = 0.0, **changes) -> RtpSession:
    return RtpSession(description(**changes), now, random.Random(1))


def packet(
    n: int,
    *,
    seq: int | None = None,
    ts: int | None = None,
    code: int | None = None,
    samples: int = 160,
    ssrc: int = SSRC,
    marker: bool = False,
    pt: int = 0,
) -> bytes:
    """Packet `n` of a phone that sends one every `samples`."""
    return rtp.build(
        rtp.RtpPacket(
            pt,
            (n if seq is None else seq) & 0xFFFF,
            (n * samples if ts is None else ts) & 0xFFFFFFFF,
            ssrc,
            _audio(n, samples) if code is None else bytes([code]) * samples,
            marker,
        )
    )


def _audio(n: int, samples: int) -> bytes:
    high, low = divmod(n % len(LOUD) ** 2, len(LOUD))
    if samples != 160:
        return bytes([LOUD[low]]) * samples
    return bytes([LOUD[high]]) * (samples // 2) + bytes([LOUD[low]]) * (samples - samples // 2)


def exact_number(frame: CallerFrame) -> int:
    """Which of the phone's packets of 20 ms a frame of audio is, up to 3843."""
    return _NUMBER_OF[int(frame.pcm[79])] * len(LOUD) + number(frame)


def number(frame: CallerFrame) -> int:
    """Which of the phone's packets (modulo 62) the end of a frame of audio is from."""
    return _NUMBER_OF[int(frame.pcm[-1])]


@dataclass
class Heard:
    at: float
    frame: CallerFrame


def call(
    rtp_session: RtpSession,
    arrivals: list[tuple[float, bytes]],
    until: float,
    *,
    begin: float = 0.0,
    source: tuple[str, int] = PHONE,
    pull_every: float = 0.005,
) -> tuple[list[Heard], list[RtpEvent]]:
    """Deliver `arrivals` and pull on a fixed clock from `begin` to `until`, all in seconds."""
    waiting = sorted(arrivals, key=lambda arrival: arrival[0])
    heard: list[Heard] = []
    events: list[RtpEvent] = []
    i = 0
    for step in range(round((until - begin) / pull_every)):
        now = begin + step * pull_every
        while i < len(waiting) and waiting[i][0] <= now + 1e-9:
            at, data = waiting[i]
            events += rtp_session.receive(data, source, max(at, begin))
            i += 1
        heard += [Heard(now, frame) for frame in rtp_session.pull(now)]
        events += rtp_session.overdue_digits(now)
    return heard, events
