"""What the model hears of a caller: each cleaned frame, in the form that the model takes."""

import numpy as np

from bridge.audio.resample import Resampler
from bridge.audio.wideband import UpperBand
from bridge.uplink import Uplink
from sip_plugin.media.call_telling import CallTelling
from sip_plugin.media.caller_frames import CallerFrame
from sip_plugin.media.description import PhoneCodec
from sip_plugin.media.model_side import ModelSide
from sip_plugin.media.outlet import Outlet
from sip_plugin.media.voice import Voice


class Hearing:
    """Each frame goes through `arrived`, the batch's filter, `send_up` and `judge`."""

    def __init__(
        self, uplink: Uplink, model: ModelSide, voice: Voice, outlet: Outlet, telling: CallTelling
    ) -> None:
        self.uplink = uplink
        self._model = model
        self._voice = voice
        self._outlet = outlet
        self._telling = telling
        self._high: np.ndarray | None = None
        self._heard = False
        """The frame is the model's."""
        self._own: bytes | None = None
        """Of the frame: what the phone sent, untouched."""

    def arrived(self, frame: CallerFrame) -> np.ndarray:
        self._high = frame.high
        self._own = frame.payload
        return self.uplink.arrived(frame.pcm)

    def upsampler(self) -> Resampler | None:
        if not self._model.present or self._voice.prompt.active or self.uplink.controls_level:
            return None
        return None if self._outlet.codec is PhoneCodec.G722 else self._model.bridge.upsampler()

    def send_up(self, pcm: np.ndarray, resampled: np.ndarray | None) -> None:
        self._heard = self._model.present and not self._voice.prompt.active
        if not self._heard:
            self._telling.unheard()
        elif not self.uplink.controls_level:
            self._append(pcm, resampled)

    def judge(self, pcm: np.ndarray, probability: float, level_dbfs: float, now: float) -> None:
        if not self._heard:
            return
        if self.uplink.controls_level:
            self._append(self.uplink.for_model(pcm, probability, level_dbfs), None)
        self._model.bridge.judge(probability, self.uplink.gate_level(level_dbfs), now)

    def _append(self, pcm: np.ndarray, resampled: np.ndarray | None) -> None:
        codec = self._outlet.codec
        if resampled is None:
            is_wide = codec is PhoneCodec.G722
            upper = UpperBand(self._high, self.uplink.cancels) if is_wide else None
            resampled = self._model.bridge.to_model(pcm, upper)
        untouched = None
        if self._own is not None and codec is not None and not self.uplink.alters:
            untouched = (codec.value, self._own)
        self._model.bridge.append(resampled, untouched)
