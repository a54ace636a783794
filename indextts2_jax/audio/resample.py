"""The two roads of a reference clip to 16 kHz, which the reference implementation keeps apart.

    clip ── soxr HQ ► 22.05 kHz, 15 s ─┬─────────────────────► audio_22k ► mel
                                       └─ windowed sinc 441:320 ► audio_16k ► w2v-bert, CAMPPlus   (speaker)
    clip ── soxr HQ ► 16 kHz, 15 s ───────────────────────────► audio_16k ► w2v-bert               (emotion)

The 16 kHz signals of one clip differ (by 6e-4 rms on a sweep), and both are needed for equal numbers.
Sources: indextts/infer_v2.py (`_load_and_cut_audio`), librosa 0.10.2 `resample`, torchaudio `sinc_interp_hann`.
"""

import functools
import math

import numpy as np
import soxr
from jaxtyping import Float32, Float64, Int

from indextts2_jax.audio.clip import USED_SECONDS, Clip
from indextts2_jax.config import SAMPLING_RATE

SEMANTIC_RATE = 16_000

_DOWN, _UP = 441, 320  # 22050 : 16000
_ZERO_CROSSINGS = 6
_ROLLOFF = 0.99
_CONTEXT = math.ceil(_ZERO_CROSSINGS * _DOWN / (_UP * _ROLLOFF))  # samples on either side of a frame of 441


def speaker_audio(clip: Clip) -> tuple[Float32[np.ndarray, " N"], Float32[np.ndarray, " N16"]]:
    """The first 15 s at 22.05 kHz (at most 330750 samples) and, made from those, at 16 kHz (at most 240000)."""
    audio_22k = _soxr(clip, SAMPLING_RATE)
    return audio_22k, sinc_22k_to_16k(audio_22k)


def emotion_audio(clip: Clip) -> Float32[np.ndarray, " N"]:
    """The first 15 s at 16 kHz (at most 240000 samples), straight from the clip's own rate."""
    return _soxr(clip, SEMANTIC_RATE)


def _soxr(clip: Clip, rate: int) -> Float32[np.ndarray, " N"]:
    audio = clip.audio
    if clip.sampling_rate != rate:
        length = math.ceil(len(audio) * (float(rate) / clip.sampling_rate))
        audio = soxr.resample(audio, clip.sampling_rate, rate, quality="soxr_hq")[:length]
        audio = np.pad(audio, (0, length - len(audio)))  # librosa's fix_length
    return audio[: USED_SECONDS * rate]


def sinc_22k_to_16k(audio_22k: Float32[np.ndarray, " N"]) -> Float32[np.ndarray, " N16"]:
    """torchaudio's `Resample(22050, 16000)` at its defaults; ceil(320 N / 441) samples come out.

    Bit for bit torch's CPU convolution, a chain of fused multiply-adds from the first tap to the last: a product of
    float32 numbers is exact in float64, so that adding it there and rounding to float32 is such a step. Float64 sums
    would be no worse, but the last bit shows: the z-norm of the w2v-bert features lifts what rounding leaves in empty
    bins to a difference of 1e-4.
    """
    weights, offsets = _taps()
    padded = np.pad(audio_22k.astype(np.float64), (_CONTEXT, _CONTEXT + _DOWN))
    starts = _DOWN * np.arange(len(audio_22k) // _DOWN + 1)[:, None]
    samples = np.zeros((len(starts), _UP), np.float32)  # row f, phase j is output sample 320 f + j
    for weight, offset in zip(weights, offsets, strict=True):
        samples = (samples + padded[starts + offset] * weight).astype(np.float32)
    return samples.reshape(-1)[: math.ceil(_UP * len(audio_22k) / _DOWN)]


@functools.cache
def _taps() -> tuple[Float64[np.ndarray, "_ 320"], Int[np.ndarray, "_ 320"]]:
    """For each of the 320 output phases the weights that are not 0, and where they lie: both [taps, 320]."""
    base = _UP * _ROLLOFF
    # torchaudio divides two integers here and so rounds the phase to float32 before the float64 arithmetic; in
    # float64 throughout, samples differ by 4.5e-5. Its finished kernel is float32 as well.
    phase = np.arange(0, -_UP, -1).astype(np.float32) / np.float32(_UP)
    position = np.arange(-_CONTEXT, _CONTEXT + _DOWN) / _DOWN
    time = np.clip(base * (phase.astype(np.float64)[:, None] + position), -_ZERO_CROSSINGS, _ZERO_CROSSINGS)
    window = np.cos(time * math.pi / (2 * _ZERO_CROSSINGS)) ** 2
    kernel = (np.sinc(time) * window * base / _DOWN).astype(np.float32).astype(np.float64)
    first = (kernel != 0).argmax(axis=1)
    taps = int((kernel != 0).sum(axis=1).max())
    first = np.minimum(first, kernel.shape[1] - taps)
    offsets = first + np.arange(taps)[:, None]
    return kernel[np.arange(_UP), offsets], offsets
