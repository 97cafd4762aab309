import random

from sip_plugin.sip.registration import Registration


def registration() -> Registration:
    return Registration("main", "sip.example.net", random.Random(7))


def test_the_wait_doubles_up_to_five_minutes_and_is_spread():
    one, now, waits = registration(), 100.0, []
    assert one.start(now).register
    for _ in range(12):
        step = one.answered(403, "Forbidden", 0, now)
        wait = step.state.retry_in_secs
        waits.append(wait)
        assert not one.tick(now + wait - 0.2).register
        now += wait + 0.1
        assert one.tick(now).register
    bounds = [min(300.0, 2.0 * 2**n) for n in range(12)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))


def test_the_log_line_says_what_where_why_and_what_next():
    one = registration()
    one.start(0.0)
    step = one.answered(403, "Forbidden", 0, 0.0)
    assert step.line == (
        "trunk main: REGISTER refused, 403 Forbidden by sip.example.net; "
        f"retrying in {step.state.retry_in_secs:.0f} s. Check username and password."
    )
    assert step.warning and step.state.state == "refused"


def test_success_starts_the_back_off_anew_and_a_refresh_is_quiet():
    one = registration()
    one.start(0.0)
    for _ in range(6):
        one.answered(503, "Busy", 0, 0.0)
    granted = one.answered(200, "OK", 3600, 0.0)
    assert (granted.state.state, granted.state.expires_secs) == ("registered", 3600)
    assert "registered with sip.example.net" in granted.line
    assert one.answered(200, "OK", 3600, 1800.0).line == ""
    lost = one.answered(408, "Request Timeout", 0, 3600.0)
    assert lost.state.state == "unreachable"
    assert lost.state.retry_in_secs <= 2.0


def test_no_answer_at_all_is_retried():
    one = registration()
    one.start(0.0)
    assert one.tick(39.0).state is None
    step = one.tick(40.0)
    assert (step.state.state, step.state.code) == ("unreachable", 408)
    assert one.tick(43.0).register


def test_retry_after_is_heeded_within_reason():
    one = registration()
    one.start(0.0)
    assert one.answered(503, "Busy", 0, 0.0, 60.0).state.retry_in_secs == 60
    one.tick(61.0)
    assert one.answered(503, "Busy", 0, 61.0, 999_999.0).state.retry_in_secs == 300


def test_stopped_means_stopped():
    one = registration()
    one.start(0.0)
    one.answered(200, "OK", 60, 0.0)
    one.stop()
    assert one.answered(200, "OK", 0, 1.0).state.state == "unregistered"
    assert not one.tick(1000.0).register
