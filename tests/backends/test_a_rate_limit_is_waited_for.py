from bridge.backends.interface import Noticed, ReplyDone
from tests.backends.desk import Answer, Desk, ms


def limited(desk: Desk, seconds: float) -> None:
    limits = [
        {"name": "tokens", "limit": 100, "remaining": 0, "reset_seconds": seconds},
        {"name": "requests", "limit": 100, "remaining": 5, "reset_seconds": 50.0},
    ]
    desk.deliver([desk.server._say("rate_limits.updated", rate_limits=limits)])


def codes(desk: Desk) -> list[str]:
    return [event.code for event in desk.events if isinstance(event, Noticed)]


def refused() -> Answer:
    return Answer(status="failed", error="rate_limit_exceeded")


def asked(desk: Desk) -> int:
    return len(desk.server.of("response.create"))


def test_the_response_is_asked_for_again_when_the_limit_is_reset():
    desk = Desk(refused(), Answer(ms(100)))
    limited(desk, 2.0)
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    desk.wait(1.9)
    assert asked(desk) == 1
    desk.wait(0.2)
    assert desk.heard(1) == ms(100)
    assert codes(desk) == ["backend_rate_limited", "backend_rate_limited"]


def test_nobody_waits_longer_than_a_caller_would():
    desk = Desk(refused(), Answer(ms(100)))
    limited(desk, 300.0)
    desk.commit(1)
    desk.wait(5.1)
    assert asked(desk) == 2


def test_a_second_refusal_ends_the_reply_and_the_call_goes_on():
    desk = Desk(refused(), refused(), Answer(ms(100)))
    desk.commit(1)
    desk.wait(1.0)
    assert desk.done() == [1] and ReplyDone(1) in desk.events
    desk.commit(2)
    assert desk.heard(2) == ms(100)


def test_an_interruption_ends_the_waiting():
    desk = Desk(refused(), Answer(ms(100)))
    desk.commit(1)
    desk.cancel(1, 0)
    desk.wait(10.0)
    assert asked(desk) == 1
