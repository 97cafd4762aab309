from tests.sip.conftest import SipServer
from tests.sip.phone import offer


def test_the_200_offers_and_the_ack_answers(sip: SipServer):
    worker, phone = sip.worker(), sip.phone()
    phone.invite(body="")
    answer = phone.expect(200)
    assert answer.port == worker.port_of(worker.opened().lease_id)
    assert answer.formats[:2] == ["0", "8"]
    assert answer.body.count("m=") == 1  # no video, no real-time text
    phone.ack(answer, offer(41000, "8 101"))
    media = worker.started().media
    assert (media.codec, media.remote_rtp_port) == ("g711_alaw", 41000)
    phone.hang_up()


def test_an_ack_without_a_common_codec_ends_the_call(sip: SipServer):
    worker, supervisor, phone = sip.worker(), sip.supervisor(), sip.phone()
    phone.invite(body="")
    answer = phone.expect(200)
    phone.ack(answer, offer(41000, "18", extra="a=rtpmap:18 G729/8000\r\n"))
    phone.reply(phone.expect("BYE"), 200)
    ended = supervisor.final()
    assert (ended.state, ended.cause) == ("failed", "media_refused")
    assert worker.opened().sid == ended.sid
