"""Loudness by ITU-R BS.1770, as pyloudnorm measures it (the extra `loudness`): asked for by options only."""

from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from indextts2_jax.errors import ConfigError

PEAK = 0.99
"""A segment is made no louder than this peak: it would clip."""

MAX_GAIN_DB = 20.0
"""What is quieter than that is no speech."""

SHORT_SECONDS = 1.0
"""Shorter audio is measured as if it went on and on: the measure looks at whole blocks of 0.4 s."""


def check_loudness(wanted: bool) -> None:
    """Raises `ConfigError` where loudness is `wanted` and pyloudnorm is not installed."""
    if wanted:
        _pyloudnorm()


def _pyloudnorm() -> Any:
    try:
        import pyloudnorm
    except ImportError as error:
        raise ConfigError(
            "polish.loudness_lufs and polish.even_loudness need pyloudnorm: run `pip install pyloudnorm`."
        ) from error
    return pyloudnorm


class Leveller:
    """Makes segments equally loud: call it with one after another."""

    def __init__(self, sampling_rate: int, target: float | None) -> None:
        """`target` in LUFS; None: as loud as the first segment that is loud at all.

        Raises:
          ConfigError: pyloudnorm is not installed.
        """
        self._meter = _pyloudnorm().Meter(sampling_rate)
        self._target = target

    def measure(self, audio: Float[np.ndarray, " N"]) -> float:
        """LUFS; minus infinity for silence."""
        audio = np.asarray(audio, np.float64)
        if not audio.any():
            return -np.inf
        short = int(SHORT_SECONDS * self._meter.rate)
        if len(audio) < short:
            audio = np.tile(audio, 1 + 2 * short // len(audio))
        with np.errstate(divide="ignore", invalid="ignore"):  # everything below the gate of -70 LUFS
            return float(self._meter.integrated_loudness(audio))

    def __call__(self, audio: Float[np.ndarray, " N"]) -> tuple[Float32[np.ndarray, " N"], float]:
        """(the audio at the target, how many LU it stays below: more would clip, or the audio is all but silent)."""
        audio = np.asarray(audio, np.float32)
        loudness = self.measure(audio)
        if not np.isfinite(loudness):
            return audio, 0.0
        if self._target is None:
            self._target = loudness
        wanted = self._target - loudness
        gain = min(wanted, MAX_GAIN_DB, max(0.0, 20 * float(np.log10(PEAK / np.abs(audio).max()))))
        return audio * np.float32(10 ** (gain / 20)), wanted - gain
