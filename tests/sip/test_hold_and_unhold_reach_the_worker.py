import pytest

from tests.sip.conftest import SipServer
from tests.sip.phone import offer


def directions(phone, worker, *offers: str) -> list[tuple[str, str, int]]:
    """What our answer says, and what the worker is told, for each re-INVITE."""
    told = []
    for count, body in enumerate(offers, start=2):
        phone.again("INVITE", body)
        answer = phone.expect(200)
        phone.ack(answer)
        media = worker.started(count).media
        ours = next(
            line
            for line in answer.body.split("\n")
            if line.startswith("a=")
            and (line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive"))
        )
        told.append((ours[2:], media.direction, media.remote_rtp_port))
    return told


def test_hold_in_its_three_ways_and_back(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    assert directions(
        phone,
        worker,
        offer(40000, extra="a=sendonly\r\n"),
        offer(40000, extra="a=inactive\r\n"),
        offer(40000, extra="a=sendrecv\r\n"),
    ) == [
        ("recvonly", "recvonly", 40000),
        ("inactive", "inactive", 40000),
        ("sendrecv", "sendrecv", 40000),
    ]
    phone.hang_up()


def test_the_old_hold_by_address_zero(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    phone.again("INVITE", offer(40000, address="0.0.0.0"))
    phone.ack(phone.expect(200))
    media = worker.started(2).media
    assert media.remote_address == "0.0.0.0" or not media.direction.sends
    phone.again("INVITE", offer(40000))
    phone.ack(phone.expect(200))
    media = worker.started(3).media
    assert (media.remote_address, media.direction) == ("127.0.0.1", "sendrecv")
    phone.hang_up()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_changed_address_and_codec(sip: SipServer, method: str):
    worker, phone = sip.worker(), sip.phone()
    first = phone.call(body=offer(40000, "0 101"))
    phone.again(method, offer(40500, "8 101"))
    answer = phone.expect(200)
    if method == "INVITE":
        phone.ack(answer)
    assert (answer.port, answer.formats) == (first.port, ["8", "101"])
    media = worker.started(2).media
    assert (media.remote_rtp_port, media.codec) == (40500, "g711_alaw")
    phone.hang_up()


def test_a_refresh_without_sdp_changes_nothing(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.call()
    phone.again("UPDATE")
    phone.expect(200)
    phone.again("INVITE", "")
    answer = phone.expect(200)
    assert answer.formats == ["0", "101"], "the call's codec is offered again, no other"
    phone.ack(answer, offer(40000))
    phone.hang_up()
    assert {start.media.remote_rtp_port for start in worker.all(type(worker.started()))} == {40000}
