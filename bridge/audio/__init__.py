"""Audio cores: companding, resampling, levels, voice activity. PCM is int16 mono."""
