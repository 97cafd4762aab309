from bridge.quic.tickets import CLIENT_TICKETS, Tickets
from tests.leg.network import place, talks
from tests.leg.path import made_again, over_path
from tests.leg.virtual import simulate


def test_the_first_flight_after_a_loss_carries_the_call_and_the_gateway_takes_it():
    async def story():
        async with place(resume_secs=0) as where, over_path(where) as (path, line):
            await talks(line, where.agent())
            assert not line._protocol.resumed
            await made_again(line, path)
            await talks(line, where.agent())
            assert line._protocol.early and line._protocol.early_accepted

    simulate(story())


def test_a_gateway_that_does_not_know_the_ticket_gets_a_full_handshake():
    async def story():
        async with place(resume_secs=0) as where, over_path(where) as (path, line):
            await talks(line, where.agent())
            where.gateway._tickets.clear()
            await made_again(line, path)
            await talks(line, where.agent())
            assert line._protocol.early and not line._protocol.early_accepted
            assert not line._protocol.resumed

    simulate(story())


class _Ticket:
    is_valid = True

    def __init__(self, name: bytes) -> None:
        self.ticket = name


def test_a_ticket_is_used_once():
    tickets = Tickets(10)
    tickets.add(_Ticket(b"a"))
    assert tickets.take(b"a") is not None
    assert tickets.take(b"a") is None


def test_tickets_are_bounded_and_the_newest_is_kept():
    tickets = Tickets(CLIENT_TICKETS)
    for n in range(100):
        tickets.add(_Ticket(b"%d" % n))
    assert len(tickets) == CLIENT_TICKETS
    assert tickets.take_newest().ticket == b"99"


def test_an_expired_ticket_is_not_used():
    tickets = Tickets(4)
    old = _Ticket(b"old")
    old.is_valid = False
    tickets.add(old)
    assert tickets.take_newest() is None
    tickets.add(old)
    assert tickets.take(b"old") is None
