"""A worker that samples where its CPU time goes, for `benchmarks.cpu`.

From SIGUSR1 on, every 4.7 ms SIGALRM looks which part of the code is on top of the stack, if any
runs. The timer of CPU time would be of no use: it goes by the kernel's ticks, which keep step with
the worker's clock and so find the same part at work each time. The whole worker runs as it always
does; the samples wake it when nothing else does, and cost one to two percent of a core. Written to
the file named by SIP_PLUGIN_SAMPLES at exit.
"""

import json
import os
import signal
import sys
from collections import Counter
from types import FrameType

from sip_plugin.media.__main__ import main

STAGES = {
    "canceller": ("/bridge/audio/aec3", "/bridge/audio/webrtc_apm", "/livekit/"),
    "rtp": ("/sip_plugin/media/",),
    "codec_resample": ("/bridge/audio/g711", "/bridge/audio/resample", "/bridge/audio/level"),
    "vad": ("/bridge/audio/vad", "/onnxruntime/"),
    "cleaning": ("/bridge/uplink", "/bridge/audio/", "/livekit/"),
    "quic": ("/aioquic/", "/bridge/leg/", "/bridge/wire/", "/cryptography/"),
    "turns_playout": ("/bridge/turn/", "/bridge/playout", "/bridge/call"),
}
_INTERVAL_SECS = 0.0047
_IDLE = "/asyncio/runners"
"""On top while the loop waits."""

_samples: Counter[str] = Counter()


def _stage_of(frame: FrameType | None) -> str:
    while frame is not None:
        path = frame.f_code.co_filename
        for stage, parts in STAGES.items():
            if any(part in path for part in parts):
                return stage
        frame = frame.f_back
    return "other"


def _sample(_signal: int, frame: FrameType | None) -> None:
    if frame is not None and _IDLE not in frame.f_code.co_filename:
        _samples[_stage_of(frame)] += 1


def _begin(_signal: int, _frame: FrameType | None) -> None:
    signal.setitimer(signal.ITIMER_REAL, _INTERVAL_SECS, _INTERVAL_SECS)


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, _sample)
    signal.signal(signal.SIGUSR1, _begin)
    code = main()
    signal.setitimer(signal.ITIMER_REAL, 0)
    with open(os.environ["SIP_PLUGIN_SAMPLES"], "w") as file:
        json.dump(_samples, file)
    sys.exit(code)
