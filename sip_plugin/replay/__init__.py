"""Recorded calls through the audio path and turn detector: `sip-plugin replay`."""
