from bridge.backends import vllm
from bridge.backends.vllm import VllmOptions
from tests.backends.desk import Answer, Desk, info, ms


class VllmDesk(Desk):
    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        options = VllmOptions(backend="vllm", url="ws://127.0.0.1:1/v1", model="m", voice="v")
        self.core = vllm.dialect(options, info())
        self.events.clear()
        self.connect(*answers)


def test_a_turn_is_asked_and_answered():
    desk = VllmDesk(Answer(ms(300), "Hello."))
    desk.prime(1)
    desk.speak(500)
    desk.commit(1)
    assert desk.heard(1) == ms(300)
    assert desk.server.session["model"] == "m"
    assert desk.server.session["audio"]["output"]["voice"] == "v"
    assert desk.done() == [1]


def test_an_item_that_the_server_threw_away_cannot_be_truncated_and_that_is_forgiven():
    desk = VllmDesk(Answer(ms(300), hold=True), Answer(ms(100)))
    desk.server._conversation_item_truncate = lambda message: [
        desk.server._error("item_not_found", message)
    ]
    for turn in (1, 2):
        desk.prime(turn)
        desk.speak(500)
        desk.commit(turn)
        desk.cancel(turn, 60) if turn == 1 else None
    assert desk.heard(2) == ms(100)
    assert desk.done() == [2]
