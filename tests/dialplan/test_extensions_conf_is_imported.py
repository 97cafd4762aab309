import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import Answer, CallFacts, Dialplan, Plan, Redirect, Reject
from dialplan.asterisk import read

CONF = """\
[general]
static=yes

[from-trunk]
; a comment
exten => _+1NXXNXXXXXX,1,NoOp(in)
 same => n,Set(CHANNEL(language)=es)
 same => n,Set(dest=${EXTEN:2})
 same => n,Dial(PJSIP/100,20)
 same => n,Hangup()
exten => _1XXX,1,Hangup(17)
exten => 1001,1,Answer()
exten => 1001,n,Echo()
exten => 1002,1,Wait(2)
 same => n,Answer()
exten => _1XX5/_+49.,1,Congestion()
exten => 7,1,Goto(menu,1)
exten => s,1,Answer()
include => transfers
include => gone

[transfers]
exten => _9X.,1,Transfer(PJSIP/${EXTEN:1})
exten => 1002,1,Busy()
"""


@pytest.fixture(scope="module")
def imported():
    return read(CONF, "from-trunk", "parrot")


@pytest.fixture(scope="module")
def dialplan(imported):
    return Dialplan(Plan.model_validate(tomllib.loads(imported.toml)["dialplan"]))


def test_the_most_specific_extension_comes_first(dialplan):
    assert dialplan.decide(CallFacts("1001")).agent == "parrot"
    refused = dialplan.decide(CallFacts("1003"))
    assert isinstance(refused, Reject) and refused.code == 486


def test_what_was_set_is_told_to_the_agent(dialplan):
    answer = dialplan.decide(CallFacts("+12025550123"))
    assert isinstance(answer, Answer)
    assert dict(answer.variables) == {"language": "es", "dest": "2025550123"}


def test_waiting_is_ringing(dialplan):
    assert dialplan.decide(CallFacts("1002")).ring_secs == 2


def test_a_callers_number_is_a_condition(dialplan):
    assert dialplan.decide(CallFacts("1005", "+4930")).code == 503
    assert dialplan.decide(CallFacts("1005", "+1")).code == 486


def test_what_is_included_comes_after(dialplan):
    decision = dialplan.decide(CallFacts("95551234"))
    assert isinstance(decision, Redirect) and decision.target == "5551234"


def test_what_could_not_be_taken_over_is_told_by_its_line(imported):
    told = dict(imported.left)
    assert told[2] == "a setting, not an extension"
    assert told[17] == "an extension that does nothing that a route can do"
    assert told[18] == "the special extension s"
    assert told[20] == "includes gone, which is not in this file"


def test_hours_become_times():
    imported = read("[a]\ninclude => b|9:00-17:00|mon-fri|*|*\n[b]\nexten => 1,1,Answer\n", "a")
    plan = Plan.model_validate(tomllib.loads(imported.toml)["dialplan"])
    (times,) = plan.times.values()
    assert times.hours == ("mon-fri 09:00-17:00",)
    assert plan.routes[0].during == tuple(plan.times)
    assert "correct its UTC" in dict(imported.left)[2]


def test_a_context_that_is_not_there():
    with pytest.raises(ValueError, match="no context nowhere"):
        read(CONF, "nowhere")


LINES = st.lists(
    st.text(max_size=40)
    | st.text("exten=>_XN[1-9].,1Hangup(){}$:EXTEN", max_size=40)
    | st.sampled_from(CONF.splitlines())
    | st.sampled_from(["[a]", "include => a", "include => from-trunk", "exten => _[1-,1,Busy"]),
    max_size=12,
)


@given(LINES)
def test_any_file_gives_a_valid_plan_or_a_refusal(lines):
    try:
        imported = read("\n".join(lines))
    except ValueError:
        return
    tables = tomllib.loads(imported.toml)
    Plan.model_validate(tables.get("dialplan", {}))


ANNOUNCED = """\
[x]
exten => 1,1,Progress()
 same => n,Playback(not-in-use,noanswer)
 same => n,Hangup(1)
exten => 2,1,Answer()
 same => n,Playback(closed,noanswer)
 same => n,Hangup(31)
exten => 3,1,Playback(busy&later,noanswer)
 same => n,Busy()
"""


def test_an_announcement_without_an_answer_stays_one():
    routes = tomllib.loads(read(ANNOUNCED, "x", "parrot").toml)["dialplan"]["routes"]
    assert routes == [
        {"number": "1", "prompt": "not-in-use.wav", "reject": 404},
        {"number": "2", "prompt": "closed.wav", "hangup_cause": 31},
        {"number": "3", "prompt": "busy.wav", "reject": 486},
    ]
    Plan(**tomllib.loads(read(ANNOUNCED, "x", "parrot").toml)["dialplan"])
