"""The mel spectrogram of the reference clip, which the flow matching continues.

Source: indextts/s2mel/modules/audio.py (HiFi-GAN's). Not librosa's: magnitudes instead of powers, no centring.
"""

import numpy as np
from jaxtyping import Float32

from indextts2_jax.audio.filterbanks import slaney_bank

FFT = 1024
HOP = 256
FLOOR = 1e-5

_WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)  # periodic Hann


def ref_mel(audio_22k: Float32[np.ndarray, " N"]) -> Float32[np.ndarray, "M 80"]:
    """Natural logarithm of the mel magnitudes, from ln(1e-5) = -11.51 up to about 2; M = N // 256 frames of 11.6 ms.

    In float64, on the host: it costs milliseconds and depends on no device. N must exceed 384.
    """
    edge = (FFT - HOP) // 2
    padded = np.pad(audio_22k.astype(np.float64), edge, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    spectrum = np.fft.rfft(frames * _WINDOW)
    magnitude = np.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)
    # einsum, not @: it does not depend on the number of BLAS threads.
    mel = np.einsum("mk,ck->mc", magnitude, slaney_bank())
    return np.log(np.maximum(mel, FLOOR)).astype(np.float32)
