import base64

from bridge.backends import vllm
from bridge.backends.interface import Lost, Ready, Reconnect, ReplyDone, Said, Speech, Used
from bridge.backends.vllm import VllmOptions
from tests.backends.desk import info

OPTIONS = VllmOptions(backend="vllm", url="ws://127.0.0.1:1/v1", model="m", dialect="turns")


class Line:
    """The dialect, and what went over the connection."""

    def __init__(self) -> None:
        self.now = 0.0
        self.core = vllm.dialect(OPTIONS, info())
        self.events: list = []
        self.connect()

    def connect(self) -> None:
        self.events += self.core.connected(self.now)
        self.says("session.created")

    def says(self, kind: str, **fields) -> None:
        self.events += self.core.receive({"type": kind, **fields}, self.now)

    def audio(self, samples: bytes, rate: int = 24_000) -> None:
        encoded = base64.b64encode(samples).decode()
        self.says("response.audio.delta", audio=encoded, format="pcm16", sample_rate_hz=rate)

    def speak(self, ms: int, byte: int) -> None:
        for _ in range(ms // 20):
            self.core.hear(bytes([byte]) * 640)

    def sent(self) -> list[str]:
        """What was sent since the last time: kinds, commits by `final`, audio by its bytes."""
        out = []
        for message in self.core.take():
            match message:
                case {"type": "input_audio_buffer.commit", "final": final}:
                    out.append(f"commit {final}")
                case {"type": "input_audio_buffer.append", "audio": audio}:
                    for byte in sorted(set(base64.b64decode(audio))):
                        if out[-1:] != [f"audio {byte}"]:
                            out.append(f"audio {byte}")
                case {"type": kind}:
                    out.append(kind)
        return out

    def heard(self, turn: int) -> bytes:
        return b"".join(e.data for e in self.events if isinstance(e, Speech) and e.turn == turn)

    def of(self, kind: type) -> list:
        return [e for e in self.events if isinstance(e, kind)]


def begun() -> Line:
    line = Line()
    line.speak(200, 1)
    line.core.prime(1, line.now)
    line.speak(300, 2)
    return line


def test_a_generation_begins_with_the_turn_and_its_audio_follows():
    line = begun()
    assert line.of(Ready) == [Ready()]
    assert line.sent() == ["session.update", "commit False", "audio 1", "audio 2"]
    line.events += line.core.commit(1, line.now)
    assert line.sent()[-1] == "commit True"


def test_a_commit_without_a_prime_is_a_whole_turn():
    line = Line()
    line.speak(300, 1)
    line.core.commit(1, line.now)
    assert line.sent() == ["session.update", "commit False", "audio 1", "commit True"]


def test_what_the_model_says_early_waits_until_the_turn_is_final():
    line = begun()
    line.audio(b"ab")
    assert line.heard(1) == b""
    line.events += line.core.commit(1, line.now)
    assert line.heard(1) == b"ab"
    line.audio(b"cd", rate=16_000)
    assert line.of(Speech)[-1].format.rate_hz == 16_000
    line.says("transcription.delta", delta="Hel")
    line.says("transcription.done", text="Hello.", usage={"prompt_tokens": 3, "total_tokens": 5})
    line.says("response.audio.done", has_audio=True)
    assert line.of(ReplyDone) == [ReplyDone(1)]
    assert line.of(Said)[0].text == "Hello."
    assert line.of(Used)[0].input_tokens == 3


def test_an_interrupted_reply_costs_the_connection_and_the_next_turn_goes_over_a_new_one():
    line = begun()
    line.events += line.core.commit(1, line.now)
    line.audio(b"ab")
    line.sent()
    line.events += line.core.cancel(1, 40, line.now)
    assert line.of(Reconnect) == [Reconnect()]
    line.core.prime(2, line.now)
    line.speak(200, 5)
    line.audio(b"late")
    assert line.heard(1) == b"ab"
    line.connect()
    assert line.sent() == ["session.update", "commit False", "audio 5"]
    line.events += line.core.commit(2, line.now)
    line.audio(b"ef")
    line.says("response.audio.done")
    assert (line.heard(2), line.of(ReplyDone)) == (b"ef", [ReplyDone(2)])


def test_a_turn_committed_before_the_new_connection_stands_is_answered_there():
    line = begun()
    line.events += line.core.commit(1, line.now)
    line.audio(b"ab")
    line.events += line.core.cancel(1, 40, line.now)
    line.core.prime(2, line.now)
    line.speak(200, 5)
    line.events += line.core.commit(2, line.now)
    line.sent()
    line.connect()
    assert line.sent() == ["session.update", "commit False", "audio 5", "commit True"]
    assert line.of(ReplyDone) == []
    line.audio(b"ef")
    line.says("response.audio.done")
    assert (line.heard(2), line.of(ReplyDone)) == (b"ef", [ReplyDone(2)])


def test_a_turn_that_goes_on_is_told_from_its_beginning():
    line = begun()
    line.events += line.core.commit(1, line.now)
    line.sent()
    line.speak(100, 3)
    line.events += line.core.cancel(1, 0, line.now)
    line.connect()
    line.speak(100, 4)
    line.events += line.core.commit(2, line.now)
    sent = line.sent()
    assert sent == [
        "session.update",
        "commit False",
        *("audio 1", "audio 2", "audio 3", "audio 4"),
        "commit True",
    ]


def test_a_turn_that_begins_while_the_model_speaks_is_held_back():
    line = begun()
    line.events += line.core.commit(1, line.now)
    line.sent()
    line.core.prime(2, line.now)
    line.speak(200, 5)
    assert line.sent() == []
    line.says("response.audio.done")
    assert line.sent() == ["commit False", "audio 5"]


def test_a_server_that_does_not_answer_is_given_up():
    line = begun()
    line.events += line.core.commit(1, line.now)
    line.events += line.core.expire(line.core.deadline)
    assert line.of(Lost)[0].code == "backend_timeout"


def test_a_rate_that_cannot_be_converted_ends_the_connection():
    line = begun()
    line.audio(b"ab", rate=22_050)
    assert line.of(Lost)[0].code == "backend_protocol"
