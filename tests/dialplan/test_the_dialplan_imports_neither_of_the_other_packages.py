import subprocess
import sys

PROBE = """
import sys, dialplan
print([name for name in sys.modules if name.split(".")[0] in ("bridge", "sip_plugin")])
"""


def test_it_stands_alone():
    probe = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    )
    assert probe.stdout.strip() == "[]"
