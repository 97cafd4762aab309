"""Each refusal has the code that its reason has: 403, 404, 486, 488, 503."""

import pytest

from tests.peers.plugin import agent, ip_trunk

pytestmark = pytest.mark.peer("sipp")


def test_a_caller_from_an_unknown_address_gets_403(line, sipp):
    before = len(line.calls())
    sipp("refused_403", line.address, source="127.0.0.2").wait_passed()
    assert len(line.calls()) == before


def test_a_number_without_a_route_gets_404(line, sipp):
    sipp("refused_404", line.address, "+15550000000").wait_passed()


def test_a_caller_without_a_codec_of_ours_gets_488(line, sipp):
    sipp("refused_488", line.address).wait_passed()


def test_a_call_beyond_the_channel_limit_gets_486(plugin, model, sipp, rtp_peer):
    narrow = plugin(
        trunks={"loop": ip_trunk(channel_limit=1)},
        agents={"parrot": agent(model)},
        dialplan={"default": {"agent": "parrot"}},
    )
    first = sipp("call", narrow.address, rtp_port=rtp_peer().port, stay_ms=2000)
    first.remote_rtp_port()

    sipp("refused_486", narrow.address).wait_passed()

    first.wait_passed()
    sipp("call", narrow.address, rtp_port=rtp_peer().port, stay_ms=100).wait_passed()


def test_a_call_without_a_model_gets_503(plugin, silent_model, sipp):
    alone = plugin(
        trunks={"loop": ip_trunk()},
        agents={"parrot": agent(silent_model, open_timeout_secs=1)},
        dialplan={"default": {"agent": "parrot"}},
    )
    sipp("refused_503", alone.address).wait_passed()


def test_refusals_are_counted_by_code(line, sipp):
    sipp("refused_404", line.address, "+15550000001").wait_passed()
    metrics = line.ask("GET", "/metrics")[1]
    assert any('code="404"' in row or "404" in row for row in metrics.splitlines()), metrics
