"""The two mel filter banks: Kaldi's (w2v-bert and CAMPPlus) and Slaney's (the mel that is synthesised).

Both are triangles between 82 points that lie evenly on a mel scale. They differ in the scale, in the axis on which
the triangles are straight (Kaldi: mel, Slaney: hertz), and in height (Kaldi: 1, Slaney: equal area).
"""

import functools
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

Frequency = TypeVar("Frequency", float, Float64[np.ndarray, " bins"])

BINS = 80

_SLANEY_LINEAR_HZ = 200.0 / 3  # hertz per mel below the knee
_SLANEY_KNEE_HZ = 1000.0
_SLANEY_KNEE = _SLANEY_KNEE_HZ / _SLANEY_LINEAR_HZ
_SLANEY_STEP = np.log(6.4) / 27  # per mel, above


@functools.cache
def kaldi_bank() -> Float64[np.ndarray, "80 257"]:
    """16 kHz, 512-point spectrum, 20 to 8000 Hz (torchaudio.compliance.kaldi.get_mel_banks)."""

    def to_mel(hz: Frequency) -> Frequency:
        return 1127.0 * np.log(1.0 + hz / 700.0)

    points = np.linspace(to_mel(20.0), to_mel(8000.0), BINS + 2)
    return _frozen(_triangles(points, to_mel(np.linspace(0.0, 8000.0, 257))))


@functools.cache
def slaney_bank() -> Float64[np.ndarray, "80 513"]:
    """22.05 kHz, 1024-point spectrum, 0 to 11025 Hz (librosa.filters.mel with its defaults)."""
    top = _SLANEY_KNEE + np.log(11_025.0 / _SLANEY_KNEE_HZ) / _SLANEY_STEP
    points = _slaney_to_hz(np.linspace(0.0, top, BINS + 2))
    bank = _triangles(points, np.linspace(0.0, 11_025.0, 513))
    return _frozen(bank * (2.0 / (points[2:] - points[:-2]))[:, None])


def _slaney_to_hz(mel: Float64[np.ndarray, " C"]) -> Float64[np.ndarray, " C"]:
    above = _SLANEY_KNEE_HZ * np.exp(_SLANEY_STEP * (mel - _SLANEY_KNEE))
    return np.where(mel < _SLANEY_KNEE, _SLANEY_LINEAR_HZ * mel, above)


def _triangles(
    points: Float64[np.ndarray, " C"], axis: Float64[np.ndarray, " bins"]
) -> Float64[np.ndarray, "C-2 bins"]:
    low, centre, high = points[:-2, None], points[1:-1, None], points[2:, None]
    return np.maximum(0.0, np.minimum((axis - low) / (centre - low), (high - axis) / (high - centre)))


def _frozen(bank: Float64[np.ndarray, "C bins"]) -> Float64[np.ndarray, "C bins"]:
    bank.setflags(write=False)  # cached, so shared by every caller
    return bank
