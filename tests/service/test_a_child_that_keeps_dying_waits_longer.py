from sip_plugin.service.restart import RestartOptions, RestartPolicy

OPTIONS = RestartOptions(first_secs=1.0, longest_secs=30.0, steady_secs=60.0)


def test_the_pause_doubles_up_to_its_bound():
    policy = RestartPolicy(OPTIONS)
    now, pauses = 0.0, []
    for _ in range(7):
        policy.started(now)
        now += 0.2
        pauses.append(policy.died(now))
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_a_child_that_ran_well_starts_again_soon():
    policy = RestartPolicy(OPTIONS)
    for started, died in ((0, 1), (2, 3), (5, 6)):
        policy.started(started)
        policy.died(died)
    policy.started(10)
    assert policy.died(70) == 1.0
    policy.started(71)
    assert policy.died(130) == 2.0, "59 s are not yet well"
