"""Failover on literal timelines: endpoints that fail, before and after they had the call."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from bridge.agent import AgentSpec
from bridge.leg.absent import AbsentModel
from bridge.leg.failover import MAX_MOVES, FailoverCall
from bridge.leg.health import BACKOFF_MOST_SECS, Health, ranked
from bridge.leg.interface import CallFacts, EndpointChanged, LegFailed, Opened, ReplyAudio

A, B, C = (f"quic://{name}:4433" for name in "abc")
GONE = LegFailed("connection_lost", "gone")


class Inner(AbsentModel):
    """What one endpoint is told."""

    def __init__(self) -> None:
        self.told: list[tuple] = []

    def commit(self, turn: int, last_seq: int) -> None:
        self.told.append(("commit", turn))

    def cancel(self, turn: int, heard_ms: int) -> None:
        self.told.append(("cancel", turn))

    def answered(self) -> None:
        self.told.append(("answered",))

    def hold(self, on: bool) -> None:
        self.told.append(("hold", on))

    def counters(self) -> dict[str, float]:
        return {"uplink_shed": 3, "downlink_lost": 0}


@dataclass
class Story:
    endpoints: dict[str, int]
    now: float = 0.0
    events: list = field(default_factory=list)
    opened: list = field(default_factory=list)
    """(endpoint, facts, agent, on_event, inner), in the order in which they were opened."""
    results: list = field(default_factory=list)

    def begin(self) -> FailoverCall:
        agent = AgentSpec(endpoints=self.endpoints, open_timeout_secs=6)
        facts = CallFacts("sid", "inbound", "1", "2", {"language": "en"})
        return FailoverCall(
            facts,
            agent,
            self.events.append,
            lambda tried: [e for e in self.endpoints if e not in tried],
            self.open_at,
            lambda endpoint, worked: self.results.append((endpoint, worked)),
            lambda: self.now,
        )

    def open_at(self, endpoint, facts, agent, on_event) -> Inner:
        self.opened.append((endpoint, facts, agent, on_event, inner := Inner()))
        return inner

    @property
    def where(self) -> list[str]:
        return [entry[0] for entry in self.opened]

    def says(self, event, attempt: int = -1) -> None:
        self.opened[attempt][3](event)


def test_before_the_answer_the_next_one_takes_it_in_the_time_that_is_left():
    story = Story({A: 1, B: 1, C: 1})
    story.begin()
    assert story.opened[0][2].open_timeout_secs == 2.0, "three share six seconds"
    story.now = 1.0
    story.says(GONE)
    story.now = 4.0
    story.says(GONE)
    assert story.where == [A, B, C]
    assert story.opened[2][2].open_timeout_secs == 2.0
    story.says(Opened())
    assert story.events == [
        EndpointChanged(A, "connection_lost: gone", B, False),
        EndpointChanged(B, "connection_lost: gone", C, False),
        Opened(C),
    ]
    assert story.results == [(A, False), (B, False), (C, True)]
    assert story.opened[2][1].headers == {"language": "en"}


def test_when_none_is_left_the_last_failure_is_told():
    story = Story({A: 1, B: 1})
    story.begin()
    story.says(GONE)
    story.says(last := LegFailed("unauthorized", "no"))
    assert story.events[-1] == last
    story.says(Opened())
    assert story.events[-1] == last, "it is over"


def test_nobody_is_asked_when_there_is_no_time_left():
    story = Story({A: 1, B: 1})
    story.begin()
    story.now = 6.0
    story.says(GONE)
    assert story.events == [GONE]


def test_what_an_endpoint_says_that_was_given_up_is_not_heard():
    story = Story({A: 1, B: 1})
    story.begin()
    story.says(GONE)
    story.says(Opened(), attempt=0)
    assert [type(event) for event in story.events] == [EndpointChanged]


def test_during_the_call_the_next_one_learns_what_it_must():
    story = Story({A: 1, B: 1})
    call = story.begin()
    story.says(Opened())
    call.answered()
    call.commit(1, 10)
    call.hold(True)
    story.now = 100.0
    story.says(GONE)
    assert story.events[-1] == EndpointChanged(A, "connection_lost: gone", B, True)
    _, facts, agent, _, inner = story.opened[1]
    assert facts.headers == {"language": "en", "taken_over": "1"}
    assert agent.open_timeout_secs == 6.0
    assert inner.told == [("answered",), ("hold", True)]
    call.cancel(1, 0)
    assert len(inner.told) == 2, "it never heard of that turn"
    call.commit(2, 50)
    call.cancel(2, 300)
    assert inner.told[2:] == [("commit", 2), ("cancel", 2)]
    story.says(Opened())
    story.says(audio := ReplyAudio(2, 0, 0, b"\0\0"))
    assert story.events[2:] == [audio], "the bridge was told that it is open, once"


def test_an_endpoint_that_is_back_may_have_the_call_again_but_not_for_ever():
    story = Story({A: 1, B: 1})
    story.begin()
    for _ in range(MAX_MOVES):
        story.says(Opened())
        story.says(GONE)
    assert story.where[:4] == [A, B, A, B]
    story.says(Opened())
    story.says(GONE)
    assert story.events[-1] == GONE and len(story.opened) == MAX_MOVES + 1


def test_a_closed_call_stays_closed():
    story = Story({A: 1, B: 1})
    story.begin().close("bye")
    story.says(GONE)
    assert story.events == [] and story.where == [A]


def test_calls_are_shared_out_by_weight_and_spares_are_last():
    orders = [ranked({A: 3, B: 1, C: 0}, f"call-{n}") for n in range(4000)]
    first = Counter(order[0] for order in orders)
    assert 0.72 < first[A] / 4000 < 0.78 and first[C] == 0
    assert all(order[-1] == C for order in orders)


@given(st.dictionaries(st.sampled_from([A, B, C]), st.integers(0, 1000), min_size=1), st.text())
def test_every_endpoint_is_tried_once(weights: dict[str, int], sid: str):
    assert sorted(ranked(weights, sid)) == sorted(weights)


def test_an_endpoint_that_fails_is_tried_last_for_longer_each_time():
    health, now, pauses = Health(), 0.0, []
    for _ in range(6):
        health.failed(A, now)
        health.failed(A, now)  # another call of the same moment
        begun = now
        while health.is_down(A, now):
            now += 0.5
        pauses.append(now - begun)
    assert pauses == [2, 4, 8, 16, BACKOFF_MOST_SECS, BACKOFF_MOST_SECS]
    assert not health.is_down(B, now)
    health.worked(A)
    health.failed(A, now)
    assert not health.is_down(A, now + 2)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["opened", "failed", "audio", "later", "answered", "commit", "close"]),
            st.integers(0, 20),
        ),
        max_size=60,
    )
)
def test_whatever_endpoints_do_the_bridge_hears_one_of_them_and_one_end(steps):
    story, turn = Story({A: 1, B: 1, C: 0}), 0
    call = story.begin()
    closed_at = None
    for what, which in steps:
        attempt = min(which, len(story.opened) - 1)
        before = len(story.events)
        match what:
            case "opened":
                story.says(Opened(), attempt)
            case "failed":
                story.says(GONE, attempt)
            case "audio":
                story.says(ReplyAudio(0, 0, 0, b"\0\0"), attempt)
                heard = len(story.events) > before
                assert not heard or attempt == len(story.opened) - 1, "only the newest is heard"
            case "later":
                story.now += which
            case "answered":
                call.answered()
            case "commit":
                turn += 1
                call.commit(turn, turn)
            case "close":
                call.close("bye")
                closed_at = closed_at or len(story.events)
    assert len(story.opened) <= MAX_MOVES + 1
    assert sum(isinstance(event, Opened) for event in story.events) <= 1
    ends = [place for place, event in enumerate(story.events) if isinstance(event, LegFailed)]
    assert ends in ([], [len(story.events) - 1]), "nothing comes after the end"
    assert closed_at in (None, len(story.events)), "no event follows a close"


def test_what_all_endpoints_counted_is_counted():
    story = Story({A: 1, B: 1})
    call = story.begin()
    story.says(Opened())
    story.says(GONE)
    assert story.where == [A, B]
    assert call.counters() == {"uplink_shed": 6, "downlink_lost": 0}
