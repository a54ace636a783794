"""What is done to the waveforms of a text's segments, one after another (`PolishConfig`)."""

import numpy as np

from indextts2_jax.audio import postprocess
from indextts2_jax.audio.loudness import Leveller
from indextts2_jax.config import SAMPLING_RATE, PolishConfig


class Polish:
    """What is done to the waveform of one segment after another."""

    def __init__(self, config: PolishConfig) -> None:
        self._config = config
        wanted = config.even_loudness or config.loudness_lufs
        self._level = Leveller(SAMPLING_RATE, config.loudness_lufs or None) if wanted else None

    def __call__(self, audio: np.ndarray) -> tuple[np.ndarray, float, list[tuple[int, int]]]:
        """(waveform, LU that it stays below the loudness wanted, (sample, samples) that were cut out)."""
        config, quieter, cuts = self._config, 0.0, []
        if config.max_silence_ms:
            cuts = postprocess.silence_cuts(audio, SAMPLING_RATE, config.max_silence_ms)
            audio = postprocess.cut_out(audio, SAMPLING_RATE, cuts)
        if self._level:
            audio, quieter = self._level(audio)
        if config.end_fade_ms:
            audio = postprocess.fade_end(audio, SAMPLING_RATE, config.end_fade_ms)
        return audio, quieter, cuts
