from bridge.quic.bandwidth import INITIAL_PACKETS, BandwidthModel
from tests.quic.simulated import PACKET

RTT = 0.05


def test_the_first_window_may_leave_within_a_round_trip():
    model = BandwidthModel(PACKET)
    for step in range(4):
        sent = model.on_sent(60, step * RTT)
        model.on_idle()
        model.on_rtt(RTT, (step + 1) * RTT)
        model.on_acked(sent, (step + 1) * RTT)
    assert 0 < model.bandwidth < 10_000
    assert model.pacing_rate * RTT >= INITIAL_PACKETS * PACKET
