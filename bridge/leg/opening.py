"""A call's first message, made of what the phone's side says of it."""

from bridge.agent import AgentSpec
from bridge.leg.interface import CallFacts
from bridge.wire import control, messages
from bridge.wire.errors import WireError


def encode_open(facts: CallFacts, agent: AgentSpec, again: messages.Again | None = None) -> bytes:
    """The first message. Caller, called and headers come from the network: cut to what the wire
    takes, last headers first."""
    headers = [(cut(name), cut(value)) for name, value in facts.headers.items()]
    del headers[messages.MAX_HEADERS :]
    while True:
        message = messages.Open(
            sid=facts.sid,
            agent=agent.agent,
            token=agent.token_for(facts.sid),
            direction=facts.direction,  # type: ignore[arg-type]
            caller=cut(facts.caller),
            called=cut(facts.called),
            headers=dict(headers),
            codec=agent.model_codec,
            input_rate_hz=agent.input_rate_hz,
            output_rate_hz=agent.output_rate_hz,
            greeting=agent.greeting,
            greets_first=agent.greets_first,
            again=again,
            audio_delivery=agent.audio_delivery,
        )
        try:
            return control.encode(message)
        except WireError:
            if not headers:
                raise
            headers.pop()


def cut(text: str) -> str:
    """A text of the network's, as long as the wire takes one, and in UTF-8."""
    return text[:256].encode("utf-8", "replace").decode()
