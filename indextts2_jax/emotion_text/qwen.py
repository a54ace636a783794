"""Qwen3: pre-norm blocks with grouped-query attention, an RMSNorm on every query and key, and rotary positions.

    __call__   ids [B L] at positions start .. start + L - 1, KVCache of S slots ──► hidden [B L D], KVCache
    logits     hidden [... D] ──► [... V], through the embedding table

The same call reads a prompt (L tokens, start 0) and generates (one token). The keys and values of position p lie in
slot p, and a position sees the slots up to its own. So a prompt is padded on its right without a mask: what the padding
leaves in the slots behind the prompt is overwritten by the tokens that come there, before any position sees it.

Letters beside the project's: G key heads, R query heads of each (H = G * R).

Source: `Qwen3ForCausalLM` of transformers. As in gpt/transformer.py, and for the same reason, the blocks are separate
subtrees: scanning stacked weights inside a decoding loop copies them at every step.
"""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Int
from indextts2_jax.config import QwenConfig
from indextts2_jax.nn.layers import RMSNorm

Dtype = Any


class KVCache(NamedTuple):
    """Keys and values of one layer by position, in the order in which the products read them (gpt/transformer.py)."""

    keys: Float[Array, "B G K S"]
    values: Float[Array, "B G S K"]


def empty_cache(config: QwenConfig, batch: int, slots: int, dtype: Dtype = jnp.float32) -> tuple[KVCache, ...]:
    """KVCache of all layers with room for `slots` positions."""
    heads, size = config.key_heads, config.head_dim
    keys, values = jnp.zeros((batch, heads, size, slots), dtype), jnp.zeros((batch, heads, slots, size), dtype)
    return (KVCache(keys, values),) * config.layers


def rotate(x: Float[Array, "B L H K"], positions: Int[Array, "B L"], theta: float) -> Float[Array, "B L H K"]:
    """Rotary positions: entry i of the first half and entry i of the second turn by position / theta^(2i / K)."""
    half = x.shape[-1] // 2
    speeds = (theta ** -(np.arange(half) / half)).astype(np.float32)
    angles = positions[..., None].astype(jnp.float32) * speeds[None, None]
    angles = angles.reshape(*positions.shape, *(1,) * (x.ndim - 3), half)
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    first, second = x[..., :half].astype(jnp.float32), x[..., half:].astype(jnp.float32)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1).astype(x.dtype)


class Attention(nn.Module):
    """Source: `Qwen3Attention`."""

    config: QwenConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "B L D"], start: Int[Array, " B"], memory: KVCache
    ) -> tuple[Float[Array, "B L D"], KVCache]:
        config, types = self.config, {"dtype": self.dtype, "param_dtype": self.param_dtype}
        groups, size = config.key_heads, config.head_dim

        def project(name: str, heads: int) -> Float[Array, "B L {heads} K"]:
            projected = nn.Dense(heads * size, use_bias=False, name=name, **types)(x)
            return projected.reshape(*x.shape[:2], heads, size)

        def norm(name: str, heads: Float[Array, "B L H K"]) -> Float[Array, "B L H K"]:
            return RMSNorm(config.norm_epsilon, name=name, **types)(heads)

        positions = start[:, None] + jnp.arange(x.shape[1])[None]
        query = rotate(norm("q_norm", project("q", config.heads)), positions, config.rope_theta)
        key = rotate(norm("k_norm", project("k", groups)), positions, config.rope_theta)
        memory = KVCache(
            _write(memory.keys, jnp.einsum("BLGK->BGKL", key), start, axis=2),
            _write(memory.values, jnp.einsum("BLGK->BGLK", project("v", groups)), start, axis=1),
        )
        query = query.reshape(*query.shape[:2], groups, -1, size)
        scores = jnp.einsum("BLGRK,BGKS->BGRLS", query, memory.keys, preferred_element_type=jnp.float32)
        seen = jnp.arange(scores.shape[-1])[None, None] <= positions[..., None]
        scores = jnp.where(seen[:, None, None], scores * size**-0.5, jnp.finfo(jnp.float32).min)
        weights = jax.nn.softmax(scores, axis=-1).astype(self.dtype)
        heads = jnp.einsum("BGRLS,BGSK->BLGRK", weights, memory.values)
        out = nn.Dense(config.width, use_bias=False, name="out", **types)
        return out(heads.reshape(*x.shape[:2], -1)), memory


def _write(
    memory: Float[Array, "B ..."], new: Float[Array, "B ..."], start: Int[Array, " B"], axis: int
) -> Float[Array, "B ..."]:
    """`new` from slot `start[b]` on; `axis` is that of the slots in one entry of the batch."""
    return jax.vmap(lambda m, n, s: jax.lax.dynamic_update_slice_in_dim(m, n, s, axis))(memory, new, start)


class Mlp(nn.Module):
    """Source: `Qwen3MLP`."""

    config: QwenConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B L D"]) -> Float[Array, "B L D"]:
        types = {"use_bias": False, "dtype": self.dtype, "param_dtype": self.param_dtype}
        gate = nn.Dense(self.config.ffn_dim, name="gate", **types)(x)
        up = nn.Dense(self.config.ffn_dim, name="up", **types)(x)
        return nn.Dense(self.config.width, name="down", **types)(jax.nn.silu(gate) * up)


class Block(nn.Module):
    """x + attention(norm(x)), then + MLP(norm(x)). Source: `Qwen3DecoderLayer`."""

    config: QwenConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "B L D"], start: Int[Array, " B"], memory: KVCache
    ) -> tuple[Float[Array, "B L D"], KVCache]:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        epsilon = self.config.norm_epsilon
        normed = RMSNorm(epsilon, name="attention_norm", **types)(x)
        attended, memory = Attention(self.config, name="attention", **types)(normed, start, memory)
        x = x + attended
        normed = RMSNorm(epsilon, name="mlp_norm", **types)(x)
        return x + Mlp(self.config, name="mlp", **types)(normed), memory


class Qwen(nn.Module):
    """All blocks between the embedding table and itself."""

    config: QwenConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    def setup(self) -> None:
        config, types = self.config, {"dtype": self.dtype, "param_dtype": self.param_dtype}
        self.embedding = nn.Embed(config.vocab_size, config.width, **types)
        self.layer = [Block(config, **types) for _ in range(config.layers)]
        self.norm = RMSNorm(config.norm_epsilon, **types)

    def __call__(
        self, ids: Int[Array, "B L"], start: Int[Array, " B"], memory: tuple[KVCache, ...]
    ) -> tuple[Float[Array, "B L D"], tuple[KVCache, ...]]:
        """Reads L tokens behind those that are in memory.

        Args:
          ids: the tokens; padding on the right is seen by nobody before it.
          start: the position of each request's first token.
          memory: of more than start + L slots (`empty_cache`).
        Returns:
          The normed hidden states, and the memory with the L positions in it.
        """
        x = self.embedding(ids)
        memories = []
        for layer, own in zip(self.layer, memory, strict=True):
            x, own = layer(x, start, own)
            memories.append(own)
        return self.norm(x), tuple(memories)

    def logits(self, hidden: Float[Array, "... D"]) -> Float[Array, "... V"]:
        """Scores of the next token."""
        return self.embedding.attend(hidden)
