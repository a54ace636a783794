"""Layers shared by the networks, with PyTorch's defaults fixed once.

Flax's defaults differ in ways that are small enough to sound almost right: LayerNorm's epsilon (1e-6, torch 1e-5), its
variance as E[x^2]-E[x]^2, GELU by tanh. Nothing outside this file uses `nn.LayerNorm`, `nn.GroupNorm` or `nn.gelu`.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import AnyArray, Array, Float, Mask

Dtype = Any


def gelu_erf(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """`torch.nn.GELU()`."""
    return jax.nn.gelu(x, approximate=False)


def gelu_tanh(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """`gelu_new` of GPT-2."""
    return jax.nn.gelu(x, approximate=True)


def mish(x: Float[Array, "..."]) -> Float[Array, "..."]:
    return x * jnp.tanh(jax.nn.softplus(x))


def along_last(row: Float[AnyArray, " D"], x: Float[Array, "... D"]) -> Float[Array, "... D"]:
    """The row with as many axes as `x`, all but the last of size 1: what is added to every row of `x`, or multiplied.

    Ranks are never promoted in silence: the tests run with `jax_numpy_rank_promotion="raise"`.
    """
    return jax.lax.broadcast_to_rank(jnp.asarray(row), x.ndim)


class LayerNorm(nn.Module):
    """`torch.nn.LayerNorm` over the last axis, in float32. Parameters: `scale`, `bias` unless `affine=False`.

    Linen's, with `use_fast_variance=False`, is as near to the exact value and as quick to run; but it multiplies the
    scale into the square root first, so that a third of the numbers would change in the last bit (5e-7), and takes
    1.1 ms to trace where this takes 0.8 (`trusted_parameters`), for every layer at every start.
    """

    epsilon: float = 1e-5
    affine: bool = True
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "... D"]) -> Float[Array, "... D"]:
        h = x.astype(jnp.float32)
        h = h - jnp.mean(h, axis=-1, keepdims=True)
        h = h * jax.lax.rsqrt(jnp.mean(h * h, axis=-1, keepdims=True) + self.epsilon)
        if self.affine:
            size = x.shape[-1]
            scale = self.param("scale", nn.initializers.ones, (size,), self.param_dtype)
            bias = self.param("bias", nn.initializers.zeros, (size,), self.param_dtype)
            h = h * along_last(scale.astype(jnp.float32), h) + along_last(bias.astype(jnp.float32), h)
        return h.astype(self.dtype)


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + epsilon) * scale, in float32. Parameter: `scale`."""

    epsilon: float = 1e-5
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "... D"]) -> Float[Array, "... D"]:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],), self.param_dtype)
        h = x.astype(jnp.float32)
        h = h * jax.lax.rsqrt(jnp.mean(h * h, axis=-1, keepdims=True) + self.epsilon)
        return (h * along_last(scale.astype(jnp.float32), h)).astype(self.dtype)


class GlobalGroupNorm(nn.Module):
    """`torch.nn.GroupNorm(1, C)` on [B, T, C]: statistics over all channels and all *valid* frames."""

    epsilon: float = 1e-5
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"], mask: Mask) -> Float[Array, "B T C"]:
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,), self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, (channels,), self.param_dtype)
        valid = mask[..., None].astype(jnp.float32)
        count = jnp.sum(valid, axis=(1, 2), keepdims=True) * channels
        h = x.astype(jnp.float32)
        h = h - jnp.sum(h * valid, axis=(1, 2), keepdims=True) / count
        variance = jnp.sum(h * h * valid, axis=(1, 2), keepdims=True) / count
        h = h * jax.lax.rsqrt(variance + self.epsilon)
        h = h * along_last(scale.astype(jnp.float32), h) + along_last(bias.astype(jnp.float32), h)
        return h.astype(self.dtype)


def conv1d(
    features: int,
    kernel_size: int,
    *,
    padding: int | tuple[int, int] = 0,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    use_bias: bool = True,
    dtype: Dtype = jnp.float32,
    param_dtype: Dtype = jnp.float32,
    name: str | None = None,
) -> nn.Conv:
    """`torch.nn.Conv1d` on [B, T, C], zero padding. Parameters: `kernel` [k, in/groups, out], `bias` [out]."""
    left, right = (padding, padding) if isinstance(padding, int) else padding
    return nn.Conv(
        features,
        (kernel_size,),
        strides=(stride,),
        padding=[(left, right)],
        kernel_dilation=(dilation,),
        feature_group_count=groups,
        use_bias=use_bias,
        dtype=dtype,
        param_dtype=param_dtype,
        name=name,
    )
