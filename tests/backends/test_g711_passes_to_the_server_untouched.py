import pytest

from bridge.audio import g711
from bridge.leg.interface import ReplyAudio
from tests.backends.calls import line_to
from tests.backends.desk import Answer
from tests.backends.web import web_server
from tests.leg.network import Phone, speech
from tests.leg.virtual import simulate


@pytest.mark.parametrize(
    ("law", "audio"), [("g711_ulaw", "audio/pcmu"), ("g711_alaw", "audio/pcma")]
)
def test_the_bytes_of_a_g711_call_are_those_of_the_server_both_ways(law, audio):
    said = g711.encode(law, speech(0.5, 8000))
    voice = bytes(range(256)) * 10

    async def story():
        async with (
            web_server(Answer(voice, "Good day.")) as server,
            line_to(server) as (where, line),
        ):
            phone = await Phone(line, where.agent("model", model_codec=law)).opened()
            phone.call.answered()
            for n in range(25):
                phone.call.append(n, n * 160, said[n * 160 : n * 160 + 160])
            phone.call.prime(1)
            phone.call.commit(1, 24)
            await phone.reply_to(1)
            heard = b"".join(e.payload for e in phone.events if isinstance(e, ReplyAudio))
            assert heard == voice
            (session,) = server.sessions
            assert session.session["audio"]["input"]["format"]["type"] == audio
            assert session.turns == [said]

    simulate(story())
