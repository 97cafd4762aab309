"""REGISTER with digest at Asterisk: accepted, shown and given back; or refused, and said so."""

import pytest

from tests.peers.asterisk import PASSWORD
from tests.peers.process import wait_until

pytestmark = pytest.mark.peer("asterisk")


def account(asterisk, password: str = PASSWORD) -> dict:
    return {
        "domain": asterisk.address,
        "sip_username": "1001",
        "sip_password": password,
        "register_expires_secs": 60,
    }


def test_the_plugin_registers_and_leaves(plugin, asterisk):
    registered = plugin(trunks={"main": account(asterisk)})

    contacts = asterisk.wait_registered("1001")
    trunk = registered.wait_trunk("main", "registered")

    assert [registered.address in contact for contact in contacts] == [True]
    assert 0 < trunk["expires_secs"] <= 60
    registered.stop()
    wait_until(lambda: not asterisk.contacts("1001"), "the registration to be withdrawn")


def test_a_wrong_password_is_shown_and_never_printed(plugin, asterisk):
    refused = plugin(trunks={"main": account(asterisk, "not-the-passw0rd")}, ready=False)

    refused.process.wait_until(lambda: not refused.is_ready() and _answers(refused), "its API")
    trunk = refused.wait_trunk("main", "refused")

    assert trunk["code"] in (401, 403)
    assert trunk["retry_in_secs"] > 0
    assert not asterisk.contacts("1001")
    assert "not-the-passw0rd" not in refused.process.output()


def _answers(plugin) -> bool:
    try:
        return plugin.ask("GET", "/healthz")[0] == 200
    except OSError:
        return False
