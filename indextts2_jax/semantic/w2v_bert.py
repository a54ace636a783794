"""w2v-bert-2.0 up to the one hidden state that IndexTTS-2 reads: fbank features -> semantic frames.

    features [B T 160] ─ LayerNorm ─ Linear ─ zero the unattended frames ─► h [B T 1024]
    17 x:  h += FFN/2 ; h += attention ; h += causal convolution ; h += FFN/2 ; h = LayerNorm(h)
    (h - mean) / sqrt(var) ─► semantic [B T 1024]

Facts from transformers' `Wav2Vec2BertModel` (4.52.1) with the published config, and `get_emb` in indextts/infer_v2.py.
The layers behind the 17th do not exist here: `hidden_states[17]` does not depend on them.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Float, Lengths, Mask
from indextts2_jax.config import W2vBertConfig
from indextts2_jax.nn.attention import attention
from indextts2_jax.nn.depthwise import DepthwiseConv
from indextts2_jax.nn.layers import LayerNorm, along_last
from indextts2_jax.nn.masking import length_mask, zero_padding


def relative_bias(
    query: Float[Array, "B T H K"], table: Float[Array, "{left}+{right}+1 K"], left: int, right: int
) -> Float[Array, "B H T T"]:
    """query_i . table[clip(j - i, -left, right) + left], for every pair of frames i, j.

    The products with the P = left + right + 1 table rows come first and are then spread over the distances: the
    reference's order needs a [T, T, K] table of embeddings.
    """
    by_distance = jnp.einsum("BTHK,PK->BHTP", query, table, preferred_element_type=jnp.float32)
    frames = jnp.arange(query.shape[1])
    distance = jnp.clip(frames[None, :] - frames[:, None], -left, right) + left
    return jnp.take_along_axis(by_distance, distance[None, None], axis=-1)


class FeedForward(nn.Module):
    config: W2vBertConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"]) -> Float[Array, "B T D"]:
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        x = LayerNorm(name="norm", **kinds)(x)
        x = jax.nn.silu(nn.Dense(self.config.ffn_dim, name="inner", **kinds)(x))
        return nn.Dense(self.config.width, name="outer", **kinds)(x)


class SelfAttention(nn.Module):
    """Attention with a learned score per clipped distance (Shaw et al. 2018, keys only), one table for all heads."""

    config: W2vBertConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: Mask) -> Float[Array, "B T D"]:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        head_dim = c.width // c.heads
        left, right = c.left_positions, c.right_positions
        x = LayerNorm(name="norm", **kinds)(x)
        heads = (*x.shape[:2], c.heads, head_dim)
        query, key, value = (nn.Dense(c.width, name=name, **kinds)(x).reshape(heads) for name in "qkv")
        table = self.param(
            "distance_embedding", nn.initializers.normal(0.02), (left + right + 1, head_dim), self.param_dtype
        )
        y = attention(
            query,
            key,
            value,
            mask=mask[:, None, None, :],
            bias=relative_bias(query, table.astype(self.dtype), left, right),
            scale=head_dim**-0.5,
        )
        return nn.Dense(c.width, name="out", **kinds)(y.reshape(x.shape))


class Convolution(nn.Module):
    """Pointwise, gated, depthwise over the present and past frames only, pointwise."""

    config: W2vBertConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: Mask) -> Float[Array, "B T D"]:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        x = zero_padding(LayerNorm(name="norm", **kinds)(x), mask)
        value, gate = jnp.split(nn.Dense(2 * c.width, use_bias=False, name="pointwise1", **kinds)(x), 2, axis=-1)
        x = value * jax.nn.sigmoid(gate)
        x = DepthwiseConv(c.conv_kernel, (c.conv_kernel - 1, 0), use_bias=False, name="depthwise", **kinds)(x)
        x = jax.nn.silu(LayerNorm(name="depthwise_norm", **kinds)(x))
        return nn.Dense(c.width, use_bias=False, name="pointwise2", **kinds)(x)


class Layer(nn.Module):
    """One Conformer block (Gulati et al. 2020), as the body of a scan: returns (carry, no output)."""

    config: W2vBertConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, h: Float[Array, "B T D"], mask: Mask) -> tuple[Float[Array, "B T D"], None]:
        kinds = (self.config, self.dtype, self.param_dtype)
        h = h + 0.5 * FeedForward(*kinds, name="ffn1")(h)
        h = h + SelfAttention(*kinds, name="attention")(h, mask)
        h = h + Convolution(*kinds, name="conv")(h, mask)
        h = h + 0.5 * FeedForward(*kinds, name="ffn2")(h)
        return LayerNorm(dtype=self.dtype, param_dtype=self.param_dtype, name="final_norm")(h), None


class W2vBert(nn.Module):
    """Semantic frames of a clip: `module.apply({"params": params}, features, attended)`.

    Args of the call:
      features: stacked, normalised fbank, one row for 20 ms.
      attended: how many leading frames are attended to. A clip with an odd number of fbank frames has one frame more:
        it is zeroed on entry and no frame attends to it, but its own row is computed, and the later stages of
        IndexTTS-2 read it. So row `attended[b]` is as valid as the rows before it.
    Returns:
      hidden state 17, normalised per channel; about zero mean and unit variance on speech.

    Parameters: `projection_norm`, `projection`, `layers` (every leaf with a leading axis of `config.layers`), and the
    statistics `mean` and `var` [1024], which are data, not weights: a training step must leave them alone.
    """

    config: W2vBertConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, features: Float[Array, "B T {self.config.input_dim}"], attended: Lengths
    ) -> Float[Array, "B T {self.config.width}"]:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        mask = length_mask(attended, features.shape[1])
        h = LayerNorm(name="projection_norm", **kinds)(features)
        h = zero_padding(nn.Dense(c.width, name="projection", **kinds)(h), mask)
        scan = nn.scan(
            Layer,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=nn.broadcast,
            length=c.layers,
        )
        h, _ = scan(c, self.dtype, self.param_dtype, name="layers")(h, mask)
        mean = self.param("mean", nn.initializers.zeros, (c.width,), self.param_dtype)
        var = self.param("var", nn.initializers.ones, (c.width,), self.param_dtype)
        mean, var = (along_last(statistic.astype(jnp.float32), h) for statistic in (mean, var))
        h = (h.astype(jnp.float32) - mean) / jnp.sqrt(var)
        return h.astype(self.dtype)
