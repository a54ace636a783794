"""From semantic frames (50 Hz) to mel frames (86.13 Hz): the conditions of the velocity network.

    latents [B T 1280] ── LatentProjection ──┐
    codebook rows of the codes [B T 1024] ───┴─ + ─► x ── LengthRegulator ──► mu [B M 512]
    decoded codes [B 2T 1024] ─────────────────────► x, where the codec has a decoder

`LengthRegulator` runs once for the prompt (to as many frames as its mel has) and once for every segment, never on
both together: its group norm averages over the whole call.
Source: indextts/s2mel/modules/length_regulator.py, and `gpt_layer` in indextts/s2mel/modules/commons.py.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Int, Int32, Lengths
from indextts2_jax.config import S2MelConfig
from indextts2_jax.nn.layers import GlobalGroupNorm, conv1d, mish
from indextts2_jax.nn.masking import length_mask, zero_padding

Dtype = Any

MEL_FRAMES = np.float32(1.72)
"""Of a semantic frame."""


def target_length(frames: int, factor: float = 1.0) -> int:
    """Mel frames that `frames` semantic frames become: 1.72 each in float32, the fraction cut off. 0 give 0.

    Another `factor` than 1 stretches (2.0) or shortens (0.5) the speech, in float64 and multiplied from left to right
    as IndexTTS-2.5 has it (at 1 both give the same up to 4,000 frames); at least one frame is left.
    """
    if factor == 1.0 or frames == 0:
        return int(np.float32(frames) * MEL_FRAMES)
    return max(1, int(frames * 1.72 * factor))


def resize_index(source_length: int, target_length: int) -> Int32[np.ndarray, " {target_length}"]:
    """The source frame that each target frame copies (host side).

    This is `torch.nn.functional.interpolate(mode="nearest")`, whose ratio and product are float32: exact integer
    arithmetic picks another frame in a tenth of all lengths. Two rules of torch, equal lengths and double length, need
    no case of their own, since their ratios are exact.

    Args:
      source_length: frames to read from, at least 1.
      target_length: frames to make, at least 1.
    Raises:
      ValueError: for a length below 1.
    """
    if source_length < 1 or target_length < 1:
        raise ValueError(f"cannot resize {source_length} frames to {target_length}: both must be at least 1")
    ratio = np.float32(source_length) / np.float32(target_length)
    index = np.floor(np.arange(target_length, dtype=np.float32) * ratio).astype(np.int32)
    return np.minimum(index, np.int32(source_length - 1))


class LatentProjection(nn.Module):
    """Decoder latents [B T 1280] -> the codec's space [B T 1024]: three linear maps, nothing between them."""

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, latent: Float[Array, "B T C"]) -> Float[Array, "B T D"]:
        x = latent
        for index, width in enumerate((*self.config.latent_hidden, self.config.semantic_dim)):
            x = nn.Dense(width, dtype=self.dtype, param_dtype=self.param_dtype, name=f"layer_{index}")(x)
        return x


class LengthRegulator(nn.Module):
    """Nearest resize in time, then [convolution, group norm over all channels and frames, Mish] and a projection."""

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"], index: Int[Array, "B M"], lengths: Lengths) -> Float[Array, "B M D"]:
        """Resizes and smooths semantic frames.

        Args:
          x: semantic frames; only those that `index` names are read.
          index: source frame of every target frame (`resize_index`), any valid number behind `lengths`.
          lengths: valid target frames, at least 1.
        Returns:
          conditions; zeros behind `lengths`.
        """
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        width = self.config.width
        mask = length_mask(lengths, index.shape[1])
        x = nn.Dense(width, name="in_proj", **types)(x)
        x = jax.vmap(lambda frames, rows: jnp.take(frames, rows, axis=0, mode="clip"))(x, index)
        for layer in range(self.config.regulator_layers):
            x = conv1d(width, 3, padding=1, name=f"conv_{layer}", **types)(zero_padding(x, mask))
            x = mish(GlobalGroupNorm(name=f"norm_{layer}", **types)(x, mask))
        return zero_padding(nn.Dense(width, name="out_proj", **types)(x), mask)
