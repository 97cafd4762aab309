"""The state of one call goes bad in the middle of the batches that all calls of a worker share.

The same calls are run twice, sample for sample, with and without the fault: what the models of the
others are sent must be the same bytes, and the turns in it the same.
"""

import asyncio
import logging
from collections.abc import Callable

import numpy as np
import pytest

from bridge.agent import AgentSpec
from bridge.audio import g711
from bridge.leg.absent import AbsentModel
from bridge.profile import PROFILES
from bridge.uplink import Uplink
from sip_plugin.demo import speech
from sip_plugin.media import rtp
from sip_plugin.media.call import MediaCall
from sip_plugin.media.guard import Guard
from sip_plugin.media.intake import Intake
from sip_plugin.media.ports import PortPool
from sip_plugin.planes.messages import CallEvent, EndCall, OpenCall
from tests.media.phone import PHONE, description
from tests.worker.line import Line, hum, until

BAD = "call-2"
CALLS, FRAMES, FAULT_AT = 5, 150, 60
TICK_SECS = 0.02


class Model(AbsentModel):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.told: list[tuple] = []

    def append(self, seq: int, timestamp: int, payload: bytes) -> None:
        self.told.append((seq, timestamp, payload))

    def prime(self, turn: int) -> None:
        self.told.append(("prime", turn))

    def commit(self, turn: int, last_seq: int) -> None:
        self.told.append(("commit", turn, last_seq))


class Calls:
    """Calls of one worker, in lockstep on a clock of the test's."""

    def __init__(self) -> None:
        self.emitted = []
        self.given_up = []
        self.guard = Guard("tested", self.given_up.append)
        self.intake = Intake(self.guard, lambda: None)
        self.models = {}
        self.calls = {}
        pool = PortPool("127.0.0.1", 21000, 21999)
        for i in range(CALLS):
            leg = PROFILES["raw" if i % 2 else "aec"]
            # Two cut-offs and three rates: a batch is made of parts.
            leg = leg.model_copy(update={"high_pass_hz": 90 + 30 * (i % 2)})
            rate_hz = (16000, 24000, 16000, 8000, 16000)[i]
            opened = OpenCall(
                sid=f"call-{i}",
                lease_id="",
                agent_name="a",
                agent=AgentSpec(endpoint="quic://127.0.0.1:9", input_rate_hz=rate_hz),
                direction="inbound",
                caller="",
                called="",
                leg=leg,
            )
            call = MediaCall(opened, pool.lease(), Uplink(leg), i, 10.0, self.emitted.append)
            self.calls[call.sid] = call
            self.models[call.sid] = Model()
            call.attach(self.models[call.sid])
            call.start(description(), True, 0.0)
            self.intake.open(call)
        self._said = speech.load("turn_1")

    def run(self, spoil: Callable[["Calls", MediaCall], None] | None) -> None:
        for n in range(FRAMES):
            now = n * TICK_SECS
            if n == FAULT_AT and spoil is not None:
                spoil(self, self.calls[BAD])
            for i, call in enumerate(self.calls.values()):
                start = 160 * n + 400 * i
                frame = np.resize(self._said[start : start + 160], 160)
                payload = g711.encode("g711_ulaw", frame)
                packet = rtp.build(rtp.RtpPacket(0, n, n * 160, 7, payload, n == 0))
                self.guard.run(call, receive, call, packet, now)
            self.intake.hear(now)
            self.intake.judge(now)
        for call in self.calls.values():
            self.guard.last(call, self.intake.close, call)
            call.ports.close()


def receive(call: MediaCall, packet: bytes, now: float) -> None:
    call.session.receive(packet, PHONE, now)
    call.due_at = call.session.due_at


def spoil_high_pass(_calls: Calls, call: MediaCall) -> None:
    call.uplink.high_pass._state = [0.0, 0.0, 0.0]


def spoil_high_pass_matrix(_calls: Calls, call: MediaCall) -> None:
    call.uplink.high_pass._matrix = np.eye(3, dtype=np.float32)


def spoil_resampler(_calls: Calls, call: MediaCall) -> None:
    call._model.bridge._up._held = np.zeros(3, np.float32)


def spoil_resampler_phase(_calls: Calls, call: MediaCall) -> None:
    call._model.bridge._up._phase = 1  # of a call that is not in step, each is resampled alone
    call._model.bridge._up._held = np.zeros((2, 2), np.float32)


def spoil_vad_fill(calls: Calls, call: MediaCall) -> None:
    calls.intake._vad._fill[calls.intake._slots[call]] = 100_000


def spoil_vad_slot(calls: Calls, call: MediaCall) -> None:
    calls.intake._slots[call] = 9999


def spoil_jitter_buffer(_calls: Calls, call: MediaCall) -> None:
    call.session._buffer = None


def spoil_detector(_calls: Calls, call: MediaCall) -> None:
    call._model.bridge._detector = None


def spoil_frame(_calls: Calls, call: MediaCall) -> None:
    call.uplink.arrived = lambda pcm: pcm[:100]


def spoil_uplink(_calls: Calls, call: MediaCall) -> None:
    call.uplink.cancel_echo = lambda pcm, slots: pcm[:7]
    call.uplink._canceller = object()


SPOILS = [
    spoil_high_pass,
    spoil_high_pass_matrix,
    spoil_resampler,
    spoil_resampler_phase,
    spoil_vad_fill,
    spoil_vad_slot,
    spoil_jitter_buffer,
    spoil_detector,
    spoil_frame,
    spoil_uplink,
]


@pytest.fixture(scope="module")
def undisturbed() -> Calls:
    calls = Calls()
    calls.run(None)
    assert not calls.given_up
    assert any(told[0] == "prime" for model in calls.models.values() for told in model.told)
    return calls


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_the_others_models_hear_the_same(spoil, undisturbed, caplog):
    calls = Calls()
    with caplog.at_level(logging.ERROR):
        calls.run(spoil)
    assert [call.sid for call in calls.given_up] == [BAD]
    for sid, model in calls.models.items():
        if sid != BAD:
            assert model.told == undisturbed.models[sid].told, sid
    assert len(calls.models[BAD].told) < len(undisturbed.models[BAD].told)


def test_it_ends_once_with_a_reason_that_is_counted_and_logged(caplog):
    calls = Calls()
    with caplog.at_level(logging.ERROR):
        calls.run(spoil_high_pass)
    (ended,) = [m for m in calls.emitted if isinstance(m, EndCall)]
    assert (ended.sid, ended.cause) == (BAD, "media_failed")
    assert ended.reason == "internal error (ValueError)"
    (fault,) = [m for m in calls.emitted if isinstance(m, CallEvent) and m.event == "media_fault"]
    assert (fault.sid, fault.data) == (BAD, {"what": "ValueError"})
    (record,) = caplog.records
    assert BAD in record.getMessage() and record.exc_info is not None


def test_a_batch_that_fails_for_nobody_alone_ends_no_call(caplog):
    calls = Calls()
    members = [(call, i) for i, call in enumerate(calls.calls.values())]

    def only_alone(members):
        if len(members) > 1:
            raise RuntimeError("too many")
        return np.array([[members[0][1]]])

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            sound, rows = calls.guard.together(members, only_alone)
            assert sound == members and rows[:, 0].tolist() == list(range(CALLS))
    assert not calls.given_up and len(caplog.records) == 1
    for call in calls.calls.values():
        call.ports.close()


def test_in_a_running_worker_the_other_call_goes_on(on_stage):
    """The fault is made in a real process, by the module that it is started from."""

    async def story(host, _gateway):
        lines = {sid: Line() for sid in ("good", "spoilt")}
        for sid, line in lines.items():
            line.phone.remote_port = await host.open(sid, line.phone.port)
        talking = [asyncio.create_task(line.talk(60)) for line in lines.values()]
        await until(lambda: any(isinstance(m, EndCall) for m in host.told), "the fault")
        before = lines["good"].loud
        await until(lambda: lines["good"].loud > before + 50, "the good call to go on")
        for task in talking:
            task.cancel()
        ends = [(m.sid, m.cause) for m in host.told if isinstance(m, EndCall)]
        assert ends == [("spoilt", "media_failed")]
        assert (await host.close("spoilt"))["rtp"]["received"] > 0
        assert (await host.close("good"))["rtp"]["lost"] == 0
        assert host.links == 1

    on_stage(hum, story, module="tests.worker.spoilt_worker")
