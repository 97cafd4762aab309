"""Counters and histograms for Prometheus. Every label is bounded: never a number or a call id."""

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sip_plugin.planes.messages import CallEvent, CallRefused, CallReport, CallState
from sip_plugin.service.calls import FINAL_STATES, LATENCY_PARTS, finite

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_TURN_BUCKETS = (
    *(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5),
    *(0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)
_TALK_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)

SUMMED = {
    "rtp": (
        *("received", "lost", "late", "reordered", "duplicates", "malformed"),
        *(
            "unknown_payload_type",
            "foreign_source",
            "source_moves",
            "while_held",
            "concealed",
            "silence",
        ),
        *("dropped_frames", "sent", "send_errors", "peer_lost"),
    ),
    "playout": ("frames", "underruns", "cancels", "refused_stale", "refused_overflow"),
    "bridge": ("uplink_frames", "commits", "replies", "cancels", "reply_frames_malformed"),
    "model": (
        *("failovers", "breaks", "break_secs", "uplink_shed", "uplink_unopened"),
        *("downlink_received", "downlink_lost", "downlink_late", "downlink_refused", "fenced"),
    ),
}
"""Counters of a call's report that add up over calls, by section; others are not exported."""

EVENTS = frozenset(
    {
        *("speech_start", "speech_end", "prime", "commit", "retract", "backchannel", "no_input"),
        *("barge_in_armed", "barge_in_rejected", "cancel", "reply_start", "reply_end"),
        *("turn_latency", "transcript", "dtmf", "dtmf_info", "early_media", "media_started"),
        *("transfer_refused", "transfer_failed", "transfer_progress", "consultation"),
        *("referred", "moved", "replaced", "takeover_failed"),
        *("hold_failed", "media_fault", "source_moved"),
        *("endpoint_failed", "agent_failed", "fallback", "prompt_ended", "trunk_failed"),
        *(
            "tool_call",
            "tool_refused",
            "headers_refused",
            "usage",
            "model_notice",
            "dtmf_sent",
        ),
    }
)
"""Events that are counted by name; any other is counted as `other`."""


class Metrics:
    def __init__(self, trunks: Collection[str]) -> None:
        self._trunks = frozenset(trunks)
        self._registry = CollectorRegistry()
        at = {"registry": self._registry}
        self._running = Gauge("sip_plugin_calls_running", "Calls that run now.", **at)
        self._ended = Counter(
            "sip_plugin_calls_ended",
            "Calls that ended, by direction, last state and SIP code.",
            ("trunk", "direction", "state", "code"),
            **at,
        )
        self._refused = Counter(
            "sip_plugin_calls_refused",
            "INVITEs that were refused before they became a call, by SIP code.",
            ("trunk", "code"),
            **at,
        )
        self._talk = Histogram(
            "sip_plugin_call_talk_seconds",
            "Answer to end of answered calls.",
            buckets=_TALK_BUCKETS,
            **at,
        )
        self._turns = Histogram(
            "sip_plugin_turn_latency_seconds",
            "Turn latency by part: commit (end of speech to commit), model (commit to first "
            "model frame), playout (first model frame to first RTP packet), total.",
            ("part",),
            buckets=_TURN_BUCKETS,
            **at,
        )
        for part in LATENCY_PARTS:
            self._turns.labels(part.removesuffix("_ms"))
        self._events = Counter("sip_plugin_call_events", "Events on calls.", ("event",), **at)
        self._summed = {
            section: Counter(
                f"sip_plugin_{section}",
                f"Counters of the {section} part of calls that ended, added up.",
                ("counter",),
                **at,
            )
            for section in SUMMED
        }
        self._restarts = Counter(
            "sip_plugin_child_restarts",
            "Child processes that died or were replaced.",
            ("child",),
            **at,
        )
        for child in ("sip", "worker"):
            self._restarts.labels(child)
        self._linked = Gauge("sip_plugin_sip_linked", "The SIP process is connected.", **at)
        self._workers = Gauge("sip_plugin_workers_connected", "Workers at the SIP process.", **at)
        self._leases = Gauge("sip_plugin_rtp_leases", "Ports ready for the next calls.", **at)
        self._registered = Gauge(
            "sip_plugin_trunk_usable",
            "The trunk is registered, or needs no registration.",
            ("trunk",),
            **at,
        )

    def on_state(self, message: CallState) -> None:
        if message.state in FINAL_STATES:
            self._ended.labels(
                self._trunk(message.trunk), message.direction, message.state, _code(message.code)
            ).inc()

    def on_lost(self, trunk: str, direction: str) -> None:
        """A call ended with the process that held it, without a SIP code."""
        self._ended.labels(self._trunk(trunk), direction, "failed", _code(0)).inc()

    def on_talked(self, secs: float) -> None:
        self._talk.observe(secs)

    def on_refused(self, message: CallRefused) -> None:
        self._refused.labels(self._trunk(message.trunk), _code(message.code)).inc()

    def on_event(self, message: CallEvent) -> None:
        self._events.labels(message.event if message.event in EVENTS else "other").inc()
        if message.event == "turn_latency":
            for part in LATENCY_PARTS:
                value = finite(message.data.get(part))
                if value is not None:
                    self._turns.labels(part.removesuffix("_ms")).observe(value / 1000)

    def on_report(self, message: CallReport) -> None:
        for section, names in SUMMED.items():
            figures = message.report.get(section)
            if not isinstance(figures, dict):
                continue
            for name in names:
                value = finite(figures.get(name))
                if value is not None and value >= 0:
                    self._summed[section].labels(name).inc(value)

    def on_child_died(self, kind: str) -> None:
        """`kind` is sip or worker."""
        self._restarts.labels(kind).inc()

    def exposition(
        self, *, running: int, linked: bool, workers: int, leases: int, trunks: dict[str, bool]
    ) -> bytes:
        """The text that Prometheus scrapes, with the given figures as they are now."""
        self._running.set(running)
        self._linked.set(linked)
        self._workers.set(workers)
        self._leases.set(leases)
        for name, usable in trunks.items():
            self._registered.labels(name).set(usable)
        return generate_latest(self._registry)

    def _trunk(self, name: str) -> str:
        return name if name in self._trunks else "unknown"


def _code(code: int) -> str:
    return str(code) if 100 <= code <= 699 else "none"
