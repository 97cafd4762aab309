"""What docs/asterisk.md says to write is a whole configuration."""

import re
from pathlib import Path

from sip_plugin.config.load import loads

DOCUMENT = Path(__file__).parents[2] / "docs" / "asterisk.md"


def test_it_has_no_fault():
    [block] = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    for text in (block, block.replace("# sip.bind", "sip.bind")):
        environ = {"SIP_PASSWORD": "secret"}
        config = loads(text, name="doc", folder=DOCUMENT.parent, environ=environ).config
        assert list(config.trunks) == ["extension", "pbx"]
        assert list(config.agents) == ["reception"]
