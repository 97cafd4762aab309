from tests.backends.desk import Answer, Desk, ms


def spoken(*answers, **options):
    desk = Desk(*answers, **options)
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    return desk


def test_a_reply_is_cancelled_and_truncated_where_the_caller_stopped_hearing_it():
    desk = spoken(Answer(ms(2000), "one two three four", hold=True))
    (item_id,) = desk.server.audio_ms
    response_id = desk.server.active["id"]
    desk.cancel(1, 500)
    assert desk.server.of("response.cancel")[0]["response_id"] == response_id
    assert desk.server.truncated == {item_id: 500}
    assert desk.said() == [("agent", "one", 1)]
    assert desk.done() == []


def test_a_reply_that_was_generated_whole_is_only_truncated():
    desk = spoken(Answer(ms(2000), "one two three four"))
    desk.cancel(1, 1500)
    assert desk.server.of("response.cancel") == []
    assert list(desk.server.truncated.values()) == [1500]


def test_nothing_is_truncated_beyond_the_audio_sent():
    desk = spoken(Answer(ms(200), hold=True))
    desk.cancel(1, 60_000)
    assert desk.server.truncated == {}


def test_audio_of_a_cancelled_response_is_fenced_by_its_id():
    desk = spoken(Answer(ms(100), hold=True), Answer(ms(50, 9)))
    late = [
        {**message, "event_id": "late"}
        for message in desk.server._speak(Answer(ms(400)))
        if message["type"] == "response.output_audio.delta"
    ]
    desk.cancel(1, 100)
    desk.deliver(late)
    assert desk.heard(1) == ms(100)
    desk.prime(2)
    desk.speak(300)
    desk.commit(2)
    desk.deliver(late)
    assert desk.heard(2) == ms(50, 9)


def test_the_next_response_waits_for_the_end_of_the_cancelled_one():
    desk = spoken(Answer(ms(100), hold=True), Answer(ms(50)))
    cancel, desk.server._response_cancel = desk.server._response_cancel, lambda m: []
    desk.cancel(1, 100)
    desk.prime(2)
    desk.speak(300)
    desk.commit(2)
    assert len(desk.server.turns) == 2
    assert len(desk.server.of("response.create")) == 1
    said = cancel({"type": "response.cancel"})
    desk.deliver(said)
    assert len(desk.server.of("response.create")) == 2
    assert desk.heard(2) == ms(50)


def test_a_cancelled_response_whose_end_never_comes_does_not_stop_the_call():
    desk = spoken(Answer(ms(100), hold=True), Answer(ms(50)))
    desk.server._response_cancel = lambda m: []
    desk.cancel(1, 100)
    desk.prime(2)
    desk.speak(300)
    desk.commit(2)
    desk.server.active = None
    desk.wait(4)
    assert desk.heard(2) == ms(50)


def test_a_cancel_that_comes_too_late_is_forgiven():
    desk = spoken(Answer(ms(100), hold=True), Answer(ms(50)))
    done = desk.server.finish()
    desk.cancel(1, 40)  # the server has ended the response, and we do not know yet
    desk.deliver(done)
    desk.prime(2)
    desk.speak(300)
    desk.commit(2)
    assert desk.heard(2) == ms(50)
    assert desk.done() == [2]


def test_a_commit_that_is_taken_back_stays_and_the_next_one_adds_to_it():
    desk = spoken(Answer(ms(100), hold=True), Answer(ms(50)))
    desk.speak(200, byte=5)  # the caller has gone on already
    desk.cancel(1, 0)
    desk.speak(300, byte=6)
    desk.commit(2)
    assert len(desk.server.turns) == 2
    second = desk.server.turns[1]
    assert (second.count(5), second.count(6)) == (48 * 200, 48 * 300)
    assert "conversation.item.delete" not in desk.server.kinds()
    assert desk.heard(2) == ms(50)
    assert list(desk.server.truncated.values()) == [0]


def test_a_cancel_before_the_response_has_begun_leaves_nothing_behind():
    desk = Desk(Answer(ms(100), hold=True), Answer(ms(50)))
    desk.prime(1)
    desk.speak(500)
    desk.core.commit(1, desk.now)
    asked = desk.core.take()
    begun = [answer for message in asked for answer in desk.server.receive(message)]
    desk.core.cancel(1, 0, desk.now)
    desk.deliver(begun)
    desk.took(None)
    assert desk.heard(1) == b""
    desk.speak(300)
    desk.commit(2)
    assert desk.heard(2) == ms(50)
