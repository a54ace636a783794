"""CAM++, the speaker encoder: Kaldi fbank of a clip -> one style vector.

    fbank [B F 80] ─ head: 2-D convolutions, 80 bins -> 10 ─► [B F 320] ─ tdnn, stride 2 ─► [B T 128]
    3 x: dense block (each layer appends 32 gated channels) ─ transit (halves them) ─► [B T 512]
    mean and standard deviation over T ─► [B 1024] ─ dense ─► style [B 192]

Wang et al. 2023, "CAM++"; indextts/s2mel/modules/campplus (DTDNN.py, layers.py). Batch normalisation always uses
its stored statistics (eval mode): synthesis and fine-tuning take this network as it is.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Float, Lengths, Mask
from indextts2_jax.config import CampplusConfig
from indextts2_jax.nn.layers import along_last, conv1d
from indextts2_jax.nn.masking import length_mask, masked_mean, zero_padding


class BatchNorm(nn.Module):
    """`torch.nn.BatchNorm` over the last axis in eval mode, epsilon 1e-5, in float32.

    Parameters: `mean`, `var` (statistics: a training step must leave them alone) and, unless `affine=False`,
    `scale`, `bias`.
    """

    affine: bool = True
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "... C"]) -> Float[Array, "... C"]:
        def param(name: str, initial: nn.initializers.Initializer) -> Float[Array, "... C"]:
            value = self.param(name, initial, (x.shape[-1],), self.param_dtype)
            return along_last(value.astype(jnp.float32), x)

        ones, zeros = nn.initializers.ones, nn.initializers.zeros
        factor = jax.lax.rsqrt(param("var", ones) + 1e-5)
        h = (x.astype(jnp.float32) - param("mean", zeros)) * factor
        if self.affine:
            h = h * param("scale", ones) + param("bias", zeros)
        return h.astype(self.dtype)


def segment_means(x: Float[Array, "B T C"], mask: Mask, frames: int) -> Float[Array, "B -(-T//{frames}) C"]:
    """Mean of each run of `frames` frames over its valid ones; the last run is usually shorter. 0 where none is."""
    batch, size, channels = x.shape
    pad = -size % frames
    x = jnp.pad(zero_padding(x, mask), ((0, 0), (0, pad), (0, 0))).reshape(batch, -1, frames, channels)
    count = jnp.pad(mask, ((0, 0), (0, pad))).reshape(batch, -1, frames).sum(axis=2)
    return x.sum(axis=2) / jnp.maximum(count, 1).astype(x.dtype)[..., None]


class Conv2d(nn.Module):
    """`torch.nn.Conv2d(k, padding=k // 2, bias=False)` on [B, bins, F, C] and its BatchNorm; `stride` is of the bins.

    Frames behind the true end are zeroed first, so that the last frame sees what it would see without padding.
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "B bins F C"], mask: Bool[Array, "B F"]
    ) -> Float[Array, "B -(-bins//{self.stride}) F {self.features}"]:
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        k, pad = self.kernel_size, self.kernel_size // 2
        x = jnp.where(mask[:, None, :, None], x, jnp.zeros((), x.dtype))
        x = nn.Conv(
            self.features,
            (k, k),
            strides=(self.stride, 1),
            padding=[(pad, pad)] * 2,
            use_bias=False,
            name="conv",
            **kinds,
        )(x)
        return BatchNorm(name="norm", **kinds)(x)


class Head(nn.Module):
    """Residual 2-D convolutions over bins and time; only the bins are strided: 80 -> 40 -> 20 -> 10."""

    config: CampplusConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B F C"], mask: Bool[Array, "B F"]) -> Float[Array, "B F D"]:
        channels = self.config.head_channels
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        x = jnp.swapaxes(x, 1, 2)[..., None]
        x = jax.nn.relu(Conv2d(channels, name="conv1", **kinds)(x, mask))
        for layer in (1, 2):
            for block, stride in enumerate((2, 1)):
                name = f"layer{layer}_{block}"
                y = jax.nn.relu(Conv2d(channels, 3, stride, name=f"{name}_conv1", **kinds)(x, mask))
                y = Conv2d(channels, name=f"{name}_conv2", **kinds)(y, mask)
                if stride != 1:
                    x = Conv2d(channels, 1, stride, name=f"{name}_shortcut", **kinds)(x, mask)
                x = jax.nn.relu(x + y)
        x = jax.nn.relu(Conv2d(channels, 3, 2, name="conv2", **kinds)(x, mask))
        # [B, bins, F, C] -> [B, F, C * bins]: the published weights count the channels first, then the bins
        x = x.transpose(0, 2, 3, 1)
        return x.reshape(*x.shape[:2], -1)


class DenseLayer(nn.Module):
    """Context-aware masking: 32 new channels, gated per segment by the mean of the clip and of the segment."""

    config: CampplusConfig
    dilation: int
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"], mask: Mask) -> Float[Array, "B T {self.config.growth_rate}"]:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        width = c.bottleneck_size * c.growth_rate
        x = jax.nn.relu(BatchNorm(name="norm1", **kinds)(x))
        x = nn.Dense(width, use_bias=False, name="bottleneck", **kinds)(x)
        x = zero_padding(jax.nn.relu(BatchNorm(name="norm2", **kinds)(x)), mask)
        y = conv1d(
            c.growth_rate, 3, padding=self.dilation, dilation=self.dilation, use_bias=False, name="local", **kinds
        )(x)
        # The gate is the same for all frames of a segment, so it is computed once for each.
        context = masked_mean(x, mask) + segment_means(x, mask, c.segment_frames)
        gate = jax.nn.relu(nn.Dense(width // 2, name="context1", **kinds)(context))
        gate = jax.nn.sigmoid(nn.Dense(c.growth_rate, name="context2", **kinds)(gate))
        return y * jnp.repeat(gate, c.segment_frames, axis=1)[:, : y.shape[1]]


class Campplus(nn.Module):
    """Style vector of a clip: `module.apply({"params": params}, fbank, lengths)`.

    Args of the call:
      fbank: log mel energies at 100 Hz of the waveform in [-1, 1], the time mean of each bin subtracted.
      lengths: valid frames; at least 3, for the standard deviation over T = (F - 1) // 2 + 1 frames is unbiased.
    Returns:
      the style, not normalised to unit length; published ones have norms of 10 to 16.

    Parameters: `head`, `tdnn`, `block{b}_layer{n}`, `transit{b}`, `out_norm`, `dense`. The layers of a block are not
    scanned: each reads 32 channels more than the one before.
    """

    config: CampplusConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, fbank: Float[Array, "B F {self.config.feat_dim}"], lengths: Lengths
    ) -> Float[Array, "B {self.config.embedding_size}"]:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        mask = length_mask(lengths, fbank.shape[1])
        x = zero_padding(Head(c, name="head", **kinds)(fbank, mask), mask)
        x = conv1d(c.init_channels, 5, padding=2, stride=2, use_bias=False, name="tdnn", **kinds)(x)
        x = jax.nn.relu(BatchNorm(name="tdnn_norm", **kinds)(x))
        mask = length_mask((lengths - 1) // 2 + 1, x.shape[1])
        for b, (layers, dilation) in enumerate(zip(c.block_layers, c.block_dilations, strict=True), start=1):
            parts = [x]  # joined anew for each layer, not one by one: see the faults of JAX in docs/performance.md
            for n in range(1, layers + 1):
                parts.append(DenseLayer(c, dilation, name=f"block{b}_layer{n}", **kinds)(x, mask))
                x = jnp.concatenate(parts, axis=-1)
            x = jax.nn.relu(BatchNorm(name=f"transit{b}_norm", **kinds)(x))
            x = nn.Dense(x.shape[-1] // 2, use_bias=False, name=f"transit{b}", **kinds)(x)
        x = jax.nn.relu(BatchNorm(name="out_norm", **kinds)(x)).astype(jnp.float32)
        mean = masked_mean(x, mask)
        frames = jnp.sum(mask, axis=1).astype(jnp.float32)[:, None]
        variance = jnp.sum(zero_padding((x - mean) ** 2, mask), axis=1) / (frames - 1)
        pooled = jnp.concatenate([mean[:, 0], jnp.sqrt(variance)], axis=-1)
        style = nn.Dense(c.embedding_size, use_bias=False, name="dense", **kinds)(pooled)
        return BatchNorm(affine=False, name="dense_norm", **kinds)(style)
