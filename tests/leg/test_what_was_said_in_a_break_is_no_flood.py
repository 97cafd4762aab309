import pytest

from bridge.leg.interface import LegFailed, Transcript
from bridge.wire import messages
from bridge.wire.limits import CONTROL_BURST, SAID_AGAIN
from tests.leg.calls import Leg


def words(n: int) -> messages.Transcript:
    return messages.Transcript(role="agent", text=f"word {n}", turn=0, final=False)


@pytest.mark.parametrize(
    ("many", "allowed"), [(CONTROL_BURST + SAID_AGAIN - 3, True), (2000, False)]
)
def test_a_break_allows_what_is_said_again_and_no_more(many, allowed):
    leg = Leg(opened=False)
    leg.gateway_says(messages.Opened(resume="the token", resume_secs=10))
    leg.said()
    assert leg.core.lose(leg.now)
    leg.core.resume(leg.now)
    leg.said()
    leg.gateway_says(messages.Resumed(received=1, next_seq=0))
    leg.events.clear()
    for n in range(many):
        leg.gateway_says(words(n))
    failed = [event.code for event in leg.events if isinstance(event, LegFailed)]
    assert failed == ([] if allowed else ["flood"])
    heard = [event for event in leg.events if isinstance(event, Transcript)]
    assert len(heard) <= CONTROL_BURST + SAID_AGAIN
    assert len(heard) == many or not allowed
