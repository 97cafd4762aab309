"""The E-model's MOS: best on a clean line, worse with loss and with delay."""

import pytest

from sip_plugin.media.stats import estimate_mos
from tests.media.phone import call, packet, session


def test_known_points():
    assert estimate_mos(0.0, 0.0) == pytest.approx(4.41, abs=0.01)  # R = 93.2
    assert estimate_mos(0.01, 50.0) == pytest.approx(4.28, abs=0.03)
    assert estimate_mos(0.05, 50.0) == pytest.approx(3.87, abs=0.05)
    assert estimate_mos(0.0, 400.0) == pytest.approx(3.1, abs=0.2)
    assert estimate_mos(1.0, 2000.0) == 1.0


def test_a_call_has_an_estimate_once_there_is_audio():
    rtp_session = session()
    assert rtp_session.stats.mos is None
    call(rtp_session, [(1 + n * 0.02, packet(n)) for n in range(100)], until=3)
    clean = rtp_session.stats.mos
    assert clean > 4.35
    call(rtp_session, [(3 + n * 0.02, packet(100 + n)) for n in range(0, 100, 2)], begin=3, until=5)
    assert rtp_session.stats.mos < clean - 0.5
