import time
from collections.abc import Callable

from tests.sip.conftest import SipServer

FREED_SECS = 20.0
"""One second for the ACK, ten for an answer to our BYE, and room for a busy machine."""


def test_it_ends_in_time_and_gives_its_place_back(start_sip: Callable[..., SipServer]):
    server = start_sip(sip={"answer_timeout_secs": 1.0})
    server.worker()
    supervisor = server.supervisor()
    for _ in range(4):
        phone = server.phone()
        phone.invite()
        phone.expect(200)
    for count in range(1, 5):
        ended = supervisor.final(count)
        assert (ended.state, ended.code, ended.cause) == ("failed", 408, "no_ack")

    deadline = time.monotonic() + FREED_SECS
    while True:
        phone = server.phone()
        phone.invite()
        answer = phone.final()
        phone.ack(answer)
        if answer.code == 200:
            break
        assert answer.code == 486, answer.start
        assert time.monotonic() < deadline, "the places are still taken"
        phone.receive(0.5)
