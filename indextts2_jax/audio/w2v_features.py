"""The input of w2v-bert: filter-bank energies, normalised over the clip, two frames side by side (50 Hz).

Source: transformers' SeamlessM4TFeatureExtractor with facebook/w2v-bert-2.0's preprocessor_config.json.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from indextts2_jax.audio.kaldi_fbank import log_energies

PADDING = 1.0
"""Fills the second half of an odd last frame (padding_value of w2v-bert-2.0)."""


class W2vFeatures(NamedTuple):
    features: Float32[np.ndarray, "T 160"]
    attended: int
    """How many of the T frames w2v-bert attends to: T, or T - 1 where the last is half padding. That frame is hidden
    from the others but not cut off, and all that follows uses it, as the reference does."""


def w2v_features(audio_16k: Float32[np.ndarray, " N"]) -> W2vFeatures:
    """F filter-bank frames -> T = ceil(F / 2) frames. N must be at least 560, that is F at least 2."""
    energies = log_energies(audio_16k, scale=32768.0)  # as if the audio were 16-bit integers
    energies = (energies - energies.mean(axis=0)) / np.sqrt(energies.var(axis=0, ddof=1) + 1e-7)
    frames = len(energies)
    padded = np.pad(energies, ((0, frames % 2), (0, 0)), constant_values=PADDING)
    return W2vFeatures(padded.reshape(-1, 2 * padded.shape[1]).astype(np.float32), frames // 2)
