"""Kaldi's log mel filter-bank energies, shared by w2v-bert and CAMPPlus, and CAMPPlus's input made from them.

    audio_16k ► frames of 25 ms each 10 ms ► minus their mean ► pre-emphasis ► Povey window ► |rfft 512|^2 ► bank ► ln

Source: torchaudio.compliance.kaldi.fbank, dither 0, edges snipped. The reference computes in float32 for CAMPPlus and
in float64 for w2v-bert; here both are float64, because the small energies of the lowest bins drown in the rounding of a
float32 transform. What remains of the difference to the reference (below 1e-4 of the largest value) is its own
rounding: run again on another machine, it differs from itself by as much.
"""

import numpy as np
from jaxtyping import Float32, Float64

from indextts2_jax.audio.filterbanks import kaldi_bank

FRAME = 400
SHIFT = 160

_FFT = 512
_PREEMPHASIS = 0.97
_FLOOR = float(np.finfo(np.float32).eps)
_WINDOW = np.hanning(FRAME) ** 0.85


def log_energies(audio_16k: Float32[np.ndarray, " N"], scale: float) -> Float64[np.ndarray, "F 80"]:
    """ln of the energies of `scale` times the audio, floored at 1.19e-7; F = 1 + (N - 400) // 160, N at least 400."""
    audio = audio_16k.astype(np.float64) * scale
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME)[::SHIFT]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)  # the first sample precedes itself
    spectrum = np.fft.rfft((frames - _PREEMPHASIS * before) * _WINDOW, _FFT)
    power = spectrum.real**2 + spectrum.imag**2
    # einsum, not @: it does not depend on the number of BLAS threads.
    return np.log(np.maximum(np.einsum("fk,ck->fc", power, kaldi_bank()), _FLOOR))


def campplus_fbank(audio_16k: Float32[np.ndarray, " N"]) -> Float32[np.ndarray, "F 80"]:
    """CAMPPlus's input: the audio in [-1, 1] as it is, the mean over time subtracted from each bin."""
    energies = log_energies(audio_16k, scale=1.0)
    return (energies - energies.mean(axis=0)).astype(np.float32)
