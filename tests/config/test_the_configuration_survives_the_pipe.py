from bridge.secret import REVEAL
from sip_plugin.config import Config
from tests.config.files import AGENT, TRUNK, read

FULL = f"""\
{TRUNK}
display_name = "Ünï"
allow_from = ["192.0.2.1", "2001:db8::/32"]
codec_preferences = ["g711_alaw"]
{AGENT}
[agents.parrot.turn]
silence_threshold_ms = 700
[agents.parrot.tls]
verify = false
[[dialplan.routes]]
number = "+1 (555) 123-4567"
agent = "parrot"
[dialplan.default]
agent = "parrot"
"""


def test_a_process_has_the_very_same_configuration():
    for config in (read(FULL), read(""), read("[dialplan.default]\nreject = 603")):
        received = Config.model_validate_json(config.model_dump_json(context=REVEAL))
        assert received == config
        for name, trunk in config.trunks.items():
            assert received.trunks[name].sip_password.get_secret_value() == (
                trunk.sip_password.get_secret_value()
            )


def test_it_cannot_be_changed():
    config = read(FULL)
    for model in (config, config.sip, config.trunks["main"], config.agents["parrot"].turn):
        assert model.model_config["frozen"] and model.model_config["extra"] == "forbid"
