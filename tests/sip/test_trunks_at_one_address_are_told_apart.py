"""A PBX that the plugin registers with, and that sends it numbers as an IP trunk."""

from sip_plugin.config import TrunkConfig
from sip_plugin.sip.trunks import Trunks

PBX = "192.0.2.10"


def trunks(*names: str) -> Trunks:
    configs = {
        "extension": TrunkConfig(domain="pbx.test", sip_username="6001"),
        "other": TrunkConfig(domain="pbx.test", sip_username="6002"),
        "numbers": TrunkConfig(domain="pbx.test", require_registration=False, allow_from=[PBX]),
    }
    made = Trunks({name: configs[name] for name in names})
    for trunk in made:
        trunk.addresses = (PBX,)
    return made


def test_the_user_name_that_was_called_counts():
    known = trunks("extension", "numbers", "other")
    assert known.account_of(PBX, "6001") == "extension"
    assert known.account_of(PBX, "6002") == "other"


def test_a_number_is_the_ip_trunks():
    assert trunks("extension", "other", "numbers").account_of(PBX, "+15551234567") == "numbers"


def test_without_an_ip_trunk_a_number_is_that_of_the_first():
    assert trunks("extension", "other").account_of(PBX, "+15551234567") == "extension"
    assert trunks("extension", "other").account_of("192.0.2.11", "6001") == ""
