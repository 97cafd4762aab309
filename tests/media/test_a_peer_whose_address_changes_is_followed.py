"""The source of the peer's RTP changes in mid-call, without signalling: a NAT made a new way, or
somebody tries to take the line."""

import pytest

from sip_plugin.media.rebinding import MAX_MOVES, REST_SECS
from tests.media.phone import PHONE, SSRC, STRANGER, description, packet, session

MOVED = ("192.0.2.10", 52000)
ELSEWHERE = ("198.51.100.77", 1024)


class Story:
    """A call of 20 ms packets; time goes on as they are sent."""

    def __init__(self, **changes) -> None:
        self.call = session(**changes)
        self.n = 0
        self.now = 0.0

    def speak(self, source, packets: int, ssrc: int = SSRC, seq: int | None = None) -> int:
        """The stream goes on from `source`; returns how many packets were taken."""
        before = self.call.stats.received
        for i in range(packets):
            number = self.n if seq is None else seq + i
            self.call.receive(packet(self.n, seq=number, ssrc=ssrc), source, self.now)
            self.n += 1
            self.now += 0.02
        return self.call.stats.received - before

    def wait(self, secs: float) -> None:
        self.now += secs

    @property
    def heard_at(self):
        sent = self.call.send(bytes(160), self.now)
        return None if sent is None else sent[1]


@pytest.fixture
def story() -> Story:
    story = Story()
    story.speak(PHONE, 500)  # 10 s: the window after the answer is over
    return story


@pytest.mark.parametrize("new", [MOVED, ELSEWHERE], ids=["another port", "another network"])
def test_the_stream_goes_on_from_the_new_address(story, new):
    taken = story.speak(new, 100)
    assert 70 < taken < 80, "half a second is lost, and no more"
    assert story.heard_at == new
    stats = story.call.stats
    assert (stats.source_moves, stats.source_changes) == (1, 0)
    assert stats.foreign_source == 100 - taken
    assert stats.lost == stats.foreign_source


def test_a_phone_that_was_silent_is_found_with_its_third_packet(story):
    story.wait(20.0)
    assert story.speak(MOVED, 10) == 8
    assert story.heard_at == MOVED


def test_what_the_new_address_does_not_prove_is_not_believed(story):
    story.wait(2.0)
    assert story.speak(STRANGER, 50, ssrc=SSRC + 1) == 0, "another stream"
    assert story.speak(STRANGER, 50, seq=story.n + 30000) == 0, "numbers far away"
    for _ in range(25):
        assert story.speak(STRANGER, 1) == 0, "never three in a row"
        story.n += 3
    assert story.heard_at == PHONE
    assert story.call.stats.source_moves == 0


def test_nobody_is_followed_beside_a_peer_who_speaks(story):
    for _ in range(200):
        story.speak(PHONE, 1)
        story.now -= 0.02
        assert story.speak(STRANGER, 1, seq=story.n) == 0
    assert story.heard_at == PHONE


def test_the_old_address_takes_the_line_back_from_one_who_knew_the_numbers(story):
    story.wait(1.0)
    assert story.speak(STRANGER, 20) == 18
    assert story.heard_at == STRANGER
    for _ in range(50):
        assert story.speak(PHONE, 1) == 1
        assert story.speak(STRANGER, 1, seq=story.n + 5) == 0
    assert story.heard_at == PHONE
    story.wait(60.0)
    assert story.speak(STRANGER, 50) == 0, "not again on this call"
    assert story.call.stats.source_moves == 2


@pytest.mark.parametrize("hold_secs", [0.0, 1.0], ids=["who speaks", "who is silent"])
@pytest.mark.parametrize("made", [{"seq": 20500}, {"ssrc": SSRC + 1}], ids=["numbers", "stream"])
def test_the_old_address_takes_it_back_whatever_the_new_one_made_of_the_stream(
    story, made, hold_secs
):
    story.wait(1.0)
    story.speak(STRANGER, 20)
    n = story.n
    story.speak(STRANGER, 50, **made)
    assert story.heard_at == STRANGER
    story.n = n
    story.wait(hold_secs)
    assert story.speak(PHONE, 50) >= 47
    assert story.heard_at == PHONE


def test_the_first_address_takes_it_back_from_one_who_changed_his_own(story):
    story.wait(1.0)
    story.speak(STRANGER, 20)
    story.wait(REST_SECS)
    story.speak(ELSEWHERE, 20)
    assert story.heard_at == ELSEWHERE
    n = story.n
    story.speak(ELSEWHERE, 50, seq=n + 20000)
    story.n = n
    assert story.speak(PHONE, 50) >= 49
    story.speak(STRANGER, 1)
    story.wait(60.0)
    assert story.speak(STRANGER, 50) == 0, "not again on this call"
    assert story.heard_at == PHONE


def test_a_phone_that_goes_back_to_its_first_network_is_followed(story):
    story.speak(MOVED, 500)
    assert story.speak(PHONE, 500) == 500
    assert story.heard_at == PHONE
    assert 70 < story.speak(ELSEWHERE, 100) < 80, "nobody did anything wrong"


def test_a_packet_that_was_late_on_the_old_way_changes_nothing(story):
    late = story.n
    story.n += 5
    story.speak(MOVED, 40)
    assert story.speak(PHONE, 5, seq=late) == 0
    assert story.speak(MOVED, 100) == 100
    assert story.heard_at == MOVED


def test_nobody_keeps_the_line_by_numbers_ahead_of_the_peers(story):
    story.wait(1.0)
    n = story.n
    assert story.speak(STRANGER, 3, seq=n + 250) == 1
    story.n = n
    assert 95 < story.speak(PHONE, 200) < 105, "two seconds are taken for late packets"
    assert story.heard_at == PHONE


def test_it_does_not_go_back_and_forth(story):
    story.speak(MOVED, 50)
    assert story.speak(ELSEWHERE, 100) == 0
    story.wait(REST_SECS)
    assert story.speak(ELSEWHERE, 50) == 50
    for n in range(20):
        story.wait(REST_SECS)
        story.speak(("198.51.100.77", 2000 + n), 10)
    assert story.call.stats.source_moves == MAX_MOVES


def test_a_call_on_hold_stays_where_it_is(story):
    story.call.update(description(direction="sendonly"), story.now)
    story.wait(6.0)
    assert story.speak(STRANGER, 100) == 0
    assert story.heard_at == PHONE


def test_reports_follow_too(story):
    story.speak(ELSEWHERE, 100)
    report = story.call.bye(story.now)
    assert report is not None and report[1] == (ELSEWHERE[0], ELSEWHERE[1] + 1)


def test_a_new_address_that_is_signalled_forgets_the_old(story):
    story.wait(1.0)
    story.speak(MOVED, 20)
    story.call.update(description(remote_address="192.0.2.99"), story.now)
    assert story.heard_at == ("192.0.2.99", PHONE[1])
