from collections.abc import Callable

from tests.sip.conftest import SipServer


def test_it_ends_in_time_and_gives_its_place_back(start_sip: Callable[..., SipServer]):
    server = start_sip(sip={"answer_timeout_secs": 1.0})
    worker, supervisor = server.worker(), server.supervisor()
    phones = [server.phone() for _ in range(4)]
    for phone in phones:
        phone.invite()
        phone.expect(200)
    for phone in phones:
        # RFC 3261 section 15: BYE may only follow the ACK or its time-out; either is an end.
        assert supervisor.final(phones.index(phone) + 1).cause == "no_ack"
    worker.opened(4)
