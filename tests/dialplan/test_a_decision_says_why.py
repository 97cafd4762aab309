from dialplan import Answer, CallFacts, Default, Plan, Reject, Route, decide

PLAN = Plan(
    routes=(Route(number="+15551234567", agent="reception"), Route(number="echo", agent="parrot"))
)
WITH_DEFAULT = PLAN.model_copy(update={"default": Default(agent="parrot")})


def test_a_route_is_named_by_its_place():
    assert decide(PLAN, CallFacts("echo")) == Answer(
        "parrot", "route 2 is for echo", "route 2", ("parrot",)
    )


def test_no_route():
    assert decide(PLAN, CallFacts("+15551234568")) == Reject(
        404, "Not Found", "no route is for +15551234568; the default rejects", "default"
    )
    assert decide(WITH_DEFAULT, CallFacts("1002")) == Answer(
        "parrot", "no route is for 1002; the default answers", "default", ("parrot",)
    )


def test_what_is_no_number_is_refused_in_spite_of_a_default_and_not_repeated():
    for called in ("a\r\nVia: evil", "x" * 257, "\x1b[31m", "1001\x00"):
        decision = decide(WITH_DEFAULT, CallFacts(called))
        assert isinstance(decision, Reject) and decision.code == 404
        assert called not in decision.why and decision.why.isprintable()


def test_a_code_without_a_known_phrase_still_has_one():
    plan = Plan(default=Default(reject=499))
    assert decide(plan, CallFacts("1")) == Reject(
        499, "Call Rejected", "no route is for 1; the default rejects", "default"
    )
