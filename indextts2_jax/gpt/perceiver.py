"""Perceiver resampler: any number of context frames -> a fixed number of latents.

    context [B T C] ─ linear ─► [B T D] ─┐
    learned latents [Q D] ───────────────┴─ depth x (z += attention(z; z | context);  z += feed_forward(z)) ─ norm ─►

Source: indextts/gpt/perceiver.py (after lucidrains/naturalspeech2-pytorch; the idea is Jaegle et al., 2021). There is
no norm before the attention or the feed-forward module, and the latents are keys and values too.
"""

import math

import flax.linen as nn
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Float, Lengths
from indextts2_jax.config import PerceiverConfig
from indextts2_jax.nn.attention import attention
from indextts2_jax.nn.layers import Dtype, along_last, gelu_erf
from indextts2_jax.nn.masking import length_mask, zero_padding


def inner_width(config: PerceiverConfig) -> int:
    """Width of the gated feed-forward module: 1706 (speaker) and 1365 (emotion) as published."""
    return int(config.width * config.ffn_mult * 2 / 3)


class UnitNorm(nn.Module):
    """x / max(|x|, 1e-12) * sqrt(D) * scale: an RMS norm whose epsilon guards the zero vector only."""

    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "... D"]) -> Float[Array, "... D"]:
        size = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (size,), self.param_dtype)
        h = x.astype(jnp.float32)
        h = h / jnp.maximum(jnp.sqrt(jnp.sum(h * h, axis=-1, keepdims=True)), 1e-12)
        return (h * math.sqrt(size) * along_last(scale.astype(jnp.float32), h)).astype(self.dtype)


class LatentAttention(nn.Module):
    """The latents attend to themselves and to the context; no biases."""

    config: PerceiverConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(
        self, latents: Float[Array, "B Q D"], context: Float[Array, "B T D"], mask: Bool[Array, "B S"]
    ) -> Float[Array, "B Q D"]:
        config = self.config
        inner = config.heads * config.head_dim
        types = {"use_bias": False, "dtype": self.dtype, "param_dtype": self.param_dtype}

        def split_heads(h: Float[Array, "B S D"]) -> Float[Array, "B S H K"]:
            return h.reshape(*h.shape[:-1], config.heads, config.head_dim)

        query = nn.Dense(inner, name="query", **types)(latents)
        source = jnp.concatenate([latents, context], axis=1)
        key, value = jnp.split(nn.Dense(2 * inner, name="key_value", **types)(source), 2, axis=-1)
        mixed = attention(
            split_heads(query),
            split_heads(key),
            split_heads(value),
            mask=mask[:, None, None, :],
            scale=config.head_dim**-0.5,
        )
        return nn.Dense(config.width, name="out", **types)(mixed.reshape(*latents.shape[:-1], inner))


class GatedFeedForward(nn.Module):
    """GEGLU: the second half of the first linear layer gates the first half, through the exact (erf) GELU."""

    config: PerceiverConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B Q D"]) -> Float[Array, "B Q D"]:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        h = nn.Dense(2 * inner_width(self.config), name="in", **types)(x)
        value, gate = jnp.split(h, 2, axis=-1)
        return nn.Dense(self.config.width, name="out", **types)(value * gelu_erf(gate))


class Perceiver(nn.Module):
    """`(context [B T C], lengths [B]) -> [B Q D]`, Q = config.latents; context behind `lengths` is not attended to."""

    config: PerceiverConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, context: Float[Array, "B T C"], lengths: Lengths) -> Float[Array, "B Q D"]:
        config = self.config
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        batch, size = context.shape[:2]
        mask = length_mask(lengths, size)
        context = nn.Dense(config.width, name="context", **types)(zero_padding(context, mask))

        shape = (config.latents, config.width)
        latents = self.param("latents", nn.initializers.normal(0.02), shape, self.param_dtype)
        h = jnp.broadcast_to(latents.astype(self.dtype), (batch, *shape))
        seen = jnp.concatenate([jnp.ones((batch, config.latents), bool), mask], axis=1)
        for index in range(config.depth):
            h = LatentAttention(config, name=f"attention_{index}", **types)(h, context, seen) + h
            h = GatedFeedForward(config, name=f"ffn_{index}", **types)(h) + h
        return UnitNorm(name="norm", **types)(h)
