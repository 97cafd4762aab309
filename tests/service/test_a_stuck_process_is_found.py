from sip_plugin.planes.heartbeat import Heartbeat
from sip_plugin.service.absences import Absences


def test_five_pings_without_an_answer_are_too_many():
    heart = Heartbeat(patience=5)
    for _ in range(4):
        heart.ping()
    assert not heart.stuck
    heart.ping()
    assert heart.stuck


def test_any_answer_counts_for_all_pings_before_it():
    heart = Heartbeat(patience=3)
    for _ in range(3):
        n = heart.ping()
    heart.pong(n)
    assert not heart.stuck


def test_an_answer_to_what_was_never_asked_is_worth_nothing():
    heart = Heartbeat(patience=2)
    heart.ping()
    heart.pong(10**9)
    heart.pong(-1)
    heart.ping()
    assert heart.stuck


def test_a_new_link_owes_nothing():
    heart = Heartbeat(patience=1)
    heart.ping()
    heart.reset()
    assert not heart.stuck


def test_a_worker_that_does_not_show_up_is_reported_once():
    absences = Absences(patience=3)
    running = [("worker-0", 100), ("worker-1", 101)]
    reported = [absences.tick(running, {"worker-1"}) for _ in range(5)]
    assert reported == [[], [], ["worker-0"], [], []]


def test_a_worker_that_was_restarted_gets_its_time_again():
    absences = Absences(patience=2)
    absences.tick([("worker-0", 100)], set())
    assert absences.tick([("worker-0", 200)], set()) == []
    assert absences.tick([("worker-0", 200)], set()) == ["worker-0"]


def test_nobody_is_blamed_for_an_absent_sip_process():
    absences = Absences(patience=2)
    absences.tick([("worker-0", 100)], set())
    absences.reset()
    assert absences.tick([("worker-0", 100)], set()) == []
