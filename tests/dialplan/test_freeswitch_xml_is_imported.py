import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import Answer, CallFacts, Dialplan, Plan, Play, Redirect, Reject, Transfer
from dialplan.freeswitch import read

XML = r"""<?xml version="1.0"?>
<include>
  <context name="other"/>
  <context name="public">
    <extension name="desk">
      <condition field="destination_number" expression="^(10[01][0-9])$">
        <action application="set" data="dialled=$1"/>
        <action application="set" data="who=${caller_id_number}"/>
        <action application="set" data="call_timeout=${timeout}"/>
        <action application="answer"/>
        <action application="bridge" data="user/$1"/>
        <anti-action application="hangup"/>
      </condition>
    </extension>
    <extension name="busy">
      <condition field="destination_number" expression="^2\d+$"/>
      <condition field="caller_id_number" expression="^\+49">
        <action application="hangup" data="USER_BUSY"/>
      </condition>
    </extension>
    <extension name="closed">
      <condition field="destination_number" expression="^30\d\d$">
        <action application="sleep" data="2000"/>
        <action application="answer"/>
        <action application="playback" data="/sounds/closed.wav"/>
        <action application="hangup" data="NORMAL_TEMPORARY_FAILURE"/>
      </condition>
    </extension>
    <extension name="away">
      <condition field="destination_number" expression="^9(.+)$">
        <action application="deflect" data="sip:$1@pbx.example.net"/>
      </condition>
    </extension>
    <extension name="moved">
      <condition field="destination_number" expression="^4444">
        <action application="redirect" data="1001"/>
      </condition>
    </extension>
    <extension name="hours">
      <condition wday="2-6" hour="9-17" field="destination_number" expression="^5$"/>
    </extension>
    <extension name="goto">
      <condition field="destination_number" expression="^6$">
        <action application="transfer" data="1001 XML default"/>
      </condition>
    </extension>
    <extension name="ahead">
      <condition field="destination_number" expression="^(?=7)7$">
        <action application="answer"/>
      </condition>
    </extension>
    <extension name="nested">
      <condition field="destination_number" expression="^8$">
        <condition field="ani" expression="1"/>
        <action application="answer"/>
      </condition>
    </extension>
    <extension name="onward" continue="true">
      <condition><action application="answer"/></condition>
    </extension>
    <extension name="everybody">
      <condition><action application="answer"/></condition>
    </extension>
  </context>
</include>
"""


@pytest.fixture(scope="module")
def imported():
    return read(XML, "public", "parrot")


@pytest.fixture(scope="module")
def dialplan(imported):
    return Dialplan(Plan.model_validate(tomllib.loads(imported.toml)["dialplan"]))


def test_who_is_talked_to_gets_the_agent_and_what_was_set(dialplan):
    answer = dialplan.decide(CallFacts("1012", "+15557654321"))
    assert isinstance(answer, Answer) and answer.agent == "parrot"
    assert dict(answer.variables) == {"dialled": "1012", "who": "+15557654321"}


def test_both_conditions_must_hold_and_what_is_searched_for_may_be_within(dialplan):
    refused = dialplan.decide(CallFacts("2123", "+4930123456"))
    assert isinstance(refused, Reject) and (refused.code, refused.route) == (486, "route 2 (busy)")
    assert dialplan.decide(CallFacts("2123", "+15557654321")).code == 404
    assert isinstance(dialplan.decide(CallFacts("444499")), Redirect)


def test_a_prompt_keeps_its_ringing_and_its_cause(dialplan):
    play = dialplan.decide(CallFacts("3001"))
    assert isinstance(play, Play)
    assert (play.prompt.file, play.ring_secs, play.hangup_cause) == ("/sounds/closed.wav", 2.0, 41)


def test_a_deflection_is_a_transfer(dialplan):
    transfer = dialplan.decide(CallFacts("95551234"))
    assert isinstance(transfer, Transfer) and transfer.target == "sip:5551234@pbx.example.net"


def test_what_was_left_out_is_told_by_its_line(imported):
    told = dict(imported.left)
    lines = XML.splitlines()

    def why(text: str) -> str:
        return told[next(n for n, line in enumerate(lines, 1) if text in line)]

    assert "no variable" in why("call_timeout")
    assert "agent parrot answers" in why("bridge")
    assert "anti-action" in why("<anti-action")
    assert "more than a field" in why("wday")
    assert "nothing like it" in why("1001 XML default")
    assert "expression" in why("(?=7)")
    assert "nested" in why('"^8$"')
    assert "continue" in why("onward")
    assert "for all calls" in why("everybody")
    assert not {"5", "6", "7", "8"} & set(imported.toml.split('"'))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "DOCTYPE"),
        ("<!DOCTYPE x><context/>", "DOCTYPE"),
        ("<context>", "no element found"),
        ("<context>&unknown;</context>", "undefined entity"),
        ("<a>" * 40, "nested too deeply"),
        ("<a/>", "no context"),
    ],
)
def test_hostile_documents_are_refused(text: str, why: str):
    with pytest.raises(ValueError, match=why):
        read(text)


_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=30)


@given(_TEXT, _TEXT, st.sampled_from(["set", "hangup", "playback", "redirect", "deflect", "lua"]))
def test_whatever_it_says_the_toml_is_valid_or_it_is_told(expression, data, application):
    def quoted(text: str) -> str:
        return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")

    document = f"""<context><extension name="{quoted(data)}">
      <condition field="destination_number" expression="{quoted(expression)}">
        <action application="{application}" data="{quoted(data)}"/>
        <action application="answer"/>
      </condition></extension></context>"""
    imported = read(document)
    Plan.model_validate(tomllib.loads(imported.toml).get("dialplan", {}))
    assert imported.left or "dialplan.routes" in imported.toml
