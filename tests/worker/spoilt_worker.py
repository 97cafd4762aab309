"""A real worker, in which the call named `spoilt` has a broken filter after its first second."""

import sys

from sip_plugin.media.__main__ import main
from sip_plugin.media.call import MediaCall

SOUND_FRAMES = 50

_arrived = MediaCall.arrived


def _spoiling(call, frame):
    if call.sid == "spoilt" and call.uplink.stats.frames == SOUND_FRAMES:
        call.uplink.high_pass._state = "broken"
    return _arrived(call, frame)


if __name__ == "__main__":
    MediaCall.arrived = _spoiling
    sys.exit(main())
