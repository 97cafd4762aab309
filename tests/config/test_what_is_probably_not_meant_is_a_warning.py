from pathlib import Path

import pytest

from sip_plugin.config.advice import advice
from sip_plugin.config.load import loads
from tests.config.files import AGENT, SECRETS, TRUNK

SOUND = f"""\
{TRUNK}
{AGENT}
[dialplan.default]
agent = "parrot"
"""
IP_TRUNK = """
[trunks.ip]
domain = "10.1.0.1"
require_registration = false
allow_from = ["10.1.2.0/24"]
"""


def warnings(text):
    located = loads(text, name="f", folder=Path(), environ=SECRETS)
    return [str(issue) for issue in advice(located, "f")]


def test_nothing_is_said_of_a_sound_file():
    assert warnings(SOUND + IP_TRUNK) == []


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("", "f: trunks: there is none"),
        ("", "f: dialplan: leads to no agent"),
        (SOUND.replace("sip_password", "#"), "f:1: trunks.main: registers without a sip_password"),
        (SOUND + "[agents.b]\nendpoint = 'quic://x:1'", "f:12: agents.b: no route leads to it"),
        (
            SOUND.replace("127.0.0.1:4433", "x:1") + "[agents.parrot.tls]\nverify = false",
            "f:13: agents.parrot.tls.verify: the gateway's name is not verified",
        ),
        (
            SOUND + "[[dialplan.routes]]\nnumber='1'\nagent='parrot'\n" * 2,
            "f:15: dialplan.routes[1]: never reached: routes[0] has the same number",
        ),
        (
            SOUND + IP_TRUNK + IP_TRUNK.replace("ip]", "ip2]").replace("10.1.2.0/24", "10.0.0.0/8"),
            "f:21: trunks.ip2.allow_from[0]: overlaps a source of trunk ip",
        ),
        ("[sip]\nbind = '0.0.0.0:15060'", "f:2: sip.bind: the port lies within the range of RTP"),
    ],
)
def test_a_warning(text, warning):
    assert any(found.startswith(warning) for found in warnings(text)), warnings(text)


def test_an_unverified_gateway_on_this_machine_is_fine():
    assert warnings(SOUND + "[agents.parrot.tls]\nverify = false") == []
