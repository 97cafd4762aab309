from bridge.backends.interface import Lost, ReplyDone
from tests.backends.desk import Answer, Desk, ms


def lost(desk):
    return [e.code for e in desk.events if isinstance(e, Lost)]


def asked(*answers):
    desk = Desk(*answers, reply_timeout_secs=5)
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    return desk


def test_a_server_that_does_not_answer_in_time():
    desk = asked(Answer(hold=True))
    desk.wait(4.9)
    assert lost(desk) == []
    desk.wait(0.2)
    assert lost(desk) == ["backend_timeout"]


def test_the_next_one_is_told_the_turn_again():
    desk = asked(Answer(hold=True))
    desk.wait(5)
    first = desk.server
    desk.connect(Answer(ms(100)))
    assert desk.server.turns == first.turns
    assert desk.heard(1) == ms(100)


def test_a_server_that_stops_in_the_middle_of_a_reply():
    desk = asked(Answer(ms(100), "one two", hold=True))
    desk.wait(5)
    assert lost(desk) == ["backend_timeout"]
    desk.connect()
    assert desk.events.count(ReplyDone(1)) == 1
    assert desk.server.of("response.create") == []


def test_a_server_that_never_takes_the_settings():
    desk = Desk()
    desk.core.connected(desk.now)
    desk.wait(10)
    assert lost(desk) == ["backend_timeout"]


def test_nothing_is_awaited_when_nobody_has_asked():
    desk = Desk()
    assert desk.core.deadline is None
    assert desk.core.idle
