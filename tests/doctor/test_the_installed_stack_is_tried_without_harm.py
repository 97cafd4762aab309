from sip_plugin.sip.build import account_shortage, probe, read_findings


def test_what_a_crash_cut_off_is_left_out():
    told = '{"pjproject": "2.15.1"}\n{"accounts": 7}\n{"accounts": 8}\n{"acco'
    assert read_findings(told) == {"pjproject": "2.15.1", "accounts": 8}
    assert read_findings("nonsense\n[1]\n") == {}


def test_every_limit_is_found_though_the_stack_may_abort_at_one():
    build = probe()
    assert build.distribution and build.pjproject and build.path
    # Each build that there is: the stock wheel, and what scripts/build-pjsua2 makes.
    expected = (1024, 64, False) if build.is_own else (4, 8, True)
    assert (build.calls, build.accounts, build.assertions) == expected
    assert (
        build.tls and "1.2" in build.tls_versions and "AES_CM_128_HMAC_SHA1_80" in build.srtp_suites
    )
    assert {"PCMU/8000", "PCMA/8000", "G722/16000"} <= set(build.codecs)


def test_too_many_trunks_are_refused_before_they_abort_the_sip_process():
    room = probe().accounts
    assert account_shortage(8) == "" and account_shortage(room) == ""
    shortage = account_shortage(room + 1)
    assert f"{room + 1} trunks are configured" in shortage
    assert f"has room for {room}" in shortage
    assert "make pjsua2" in shortage
