"""A caller that missed the answer sends its INVITE again: it stays one call, on one port."""

import re

import pytest

pytestmark = pytest.mark.peer("sipp")


def test_the_second_copy_makes_no_second_call(line, sipp, rtp_peer):
    before = len(line.calls())
    caller = sipp("invite_twice", line.address, rtp_port=rtp_peer().port, stay_ms=500)

    caller.wait_passed()

    assert len(line.calls()) == before + 1
    ports = set(re.findall(r"m=audio (\d+)", caller.messages()))
    assert len(ports) == 2, f"one port of the caller's and one of ours, not {ports}"
