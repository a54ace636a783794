"""Conformer encoder of a reference clip: w2v-bert features [B T 1024] -> [B T' D], T' = (T - 1) // 2.

    features ─ conv2d 3x3, stride 2, ReLU ─ flatten ─ linear ─ * sqrt(D) ─► x ─┬─ blocks ─ layer norm ─►
    position table [T' D] ────────────────────────────────────────────────────┘
    block: x += attention(norm x);  x += convolution(norm x);  x += feed_forward(norm x);  x = norm(x)

Source: indextts/gpt/conformer_encoder.py and indextts/gpt/conformer/, which follow WeNet. Two things differ from the
Conformer of Gulati et al. (2020): there is one feed-forward module, at full strength, instead of two halves; and the
position term of the attention is that of Transformer-XL *without* its relative shift, so a key's position counts from
the start of the clip, and the table is not added to the features.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Float32, Lengths, Mask
from indextts2_jax.config import ConformerConfig
from indextts2_jax.nn.attention import attention
from indextts2_jax.nn.depthwise import DepthwiseConv
from indextts2_jax.nn.layers import Dtype, LayerNorm
from indextts2_jax.nn.masking import length_mask, zero_padding

EMBEDDED_AT_ONCE = 128
"""Frames; smaller parts would read the linear layer's matrix, half a gigabyte, more often than its products take."""


def position_table(size: int, width: int) -> Float32[np.ndarray, "{size} {width}"]:
    """sin (even columns) and cos (odd columns) of position / 10000^(column / width).

    Rates and angles are rounded to float32 as in the published table, which is stored: at the end of a 15 s clip that
    shifts an angle by up to 3e-5. What is left between the two tables is the last bit of torch's exponential.
    """
    exponents = np.arange(0, width, 2, dtype=np.float32) * np.float32(-math.log(10000.0) / width)
    rates = np.exp(exponents.astype(np.float64)).astype(np.float32)
    angles = (np.arange(size, dtype=np.float32)[:, None] * rates).astype(np.float64)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(size, width).astype(np.float32)


class PositionalAttention(nn.Module):
    """softmax(((q + u) . k_j + (q + v) . p_j) / sqrt(K)) . values, p_j a projection of the table's row j."""

    config: ConformerConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], positions: Float[Array, "T D"], mask: Mask) -> Float[Array, "B T D"]:
        width, heads = self.config.width, self.config.heads
        head_dim = width // heads

        def project(name: str, inputs: Float[Array, "*B T D"], use_bias: bool = True) -> Float[Array, "*B T H K"]:
            dense = nn.Dense(width, use_bias=use_bias, dtype=self.dtype, param_dtype=self.param_dtype, name=name)
            return dense(inputs).reshape(*inputs.shape[:-1], heads, head_dim)

        def bias(name: str) -> Float[Array, "1 1 H K"]:
            value = self.param(name, nn.initializers.xavier_uniform(), (heads, head_dim), self.param_dtype)
            return value.astype(self.dtype)[None, None]

        query = project("query", x)
        position = project("position", positions, use_bias=False)
        by_position = jnp.einsum(
            "BTHK,SHK->BHTS", query + bias("position_bias"), position, preferred_element_type=jnp.float32
        )
        mixed = attention(
            query + bias("content_bias"),
            project("key", x),
            project("value", x),
            mask=mask[:, None, None, :],
            bias=by_position,
            scale=1.0 / math.sqrt(head_dim),
        )
        return nn.Dense(width, dtype=self.dtype, param_dtype=self.param_dtype, name="out")(
            mixed.reshape(*x.shape[:-1], width)
        )


class Convolution(nn.Module):
    """linear to 2 D, GLU, depthwise convolution (as many frames back as ahead), layer norm, SiLU, linear."""

    config: ConformerConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: Mask) -> Float[Array, "B T D"]:
        width, kernel = self.config.width, self.config.conv_kernel
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        value, gate = jnp.split(nn.Dense(2 * width, name="pointwise_in", **types)(x), 2, axis=-1)
        # Zeroed here, not before the linear layer, whose bias would make the padding visible to the last valid frames.
        h = zero_padding(value * jax.nn.sigmoid(gate), mask)
        h = DepthwiseConv(kernel, (kernel // 2, kernel // 2), name="depthwise", **types)(h)
        h = jax.nn.silu(LayerNorm(name="norm", **types)(h))
        return nn.Dense(width, name="pointwise_out", **types)(h)


class ConformerBlock(nn.Module):
    """One pre-norm block, in the (carry, output) form that `nn.scan` wants."""

    config: ConformerConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "B T D"], positions: Float[Array, "T D"], mask: Mask
    ) -> tuple[Float[Array, "B T D"], None]:
        config = self.config
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        h = LayerNorm(name="attention_norm", **types)(x)
        x = x + PositionalAttention(config, name="attention", **types)(h, positions, mask)
        h = LayerNorm(name="convolution_norm", **types)(x)
        x = x + Convolution(config, name="convolution", **types)(h, mask)
        h = LayerNorm(name="ffn_norm", **types)(x)
        h = jax.nn.silu(nn.Dense(config.ffn_dim, name="ffn_in", **types)(h))
        x = x + nn.Dense(config.width, name="ffn_out", **types)(h)
        return LayerNorm(name="final_norm", **types)(x), None


class Conformer(nn.Module):
    """`(x [B T C], lengths [B]) -> ([B T' D], lengths' [B])`; clips need at least 3 frames (60 ms).

    Frames behind `lengths'` are meaningless. The reference passes the channel count, 1024, where it means the number
    of frames, so it masks nothing up to 20 s: the same as masking by the true length, which is what is done here.
    """

    config: ConformerConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"], lengths: Lengths) -> tuple[Float[Array, "B (T-1)//2 D"], Lengths]:
        config = self.config
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        h = self._embed(x)
        lengths = (lengths - 1) // 2
        mask = length_mask(lengths, h.shape[1])
        positions = jnp.asarray(position_table(h.shape[1], config.width), self.dtype)
        blocks = nn.scan(
            ConformerBlock,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=(nn.broadcast, nn.broadcast),
            length=config.blocks,
        )
        # zeroed once, so that not even a NaN behind the true end reaches a valid frame (0 * NaN is NaN)
        h, _ = blocks(config, name="blocks", **types)(zero_padding(h, mask), positions, mask)
        return LayerNorm(name="norm", **types)(h), lengths

    def _embed(self, x: Float[Array, "B T C"]) -> Float[Array, "B (T-1)//2 {self.config.width}"]:
        """The convolution and the linear layer behind it, by parts of the clip.

        Between them a frame is as large as a megabyte: 15 seconds as a whole would take 800 MB.
        """
        config = self.config
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}

        def embed(
            module: nn.Module, carry: None, part: Float[Array, "B T C"]
        ) -> tuple[None, Float[Array, "B (T-1)//2 D"]]:
            # [B T C] is seen as a picture of one channel; [B N C' D] is flattened with the features innermost, and the
            # published kernel, which has them outermost, was reordered for it at conversion
            conv = nn.Conv(config.width, (3, 3), strides=(2, 2), padding="VALID", name="embed_conv", **types)
            h = jax.nn.relu(conv(part[..., None]))
            return carry, nn.Dense(config.width, name="embed_out", **types)(h.reshape(*h.shape[:2], -1))

        frames = (x.shape[1] - 1) // 2
        parts = -(-frames // EMBEDDED_AT_ONCE)
        size = -(-frames // parts)
        x = jnp.pad(x[:, : 2 * frames + 1], ((0, 0), (0, 2 * (parts * size - frames)), (0, 0)))
        windows = jnp.stack([x[:, 2 * size * n : 2 * size * (n + 1) + 1] for n in range(parts)])
        _, rows = nn.scan(embed, variable_broadcast="params", split_rngs={"params": False})(self, None, windows)
        return jnp.moveaxis(rows, 0, 1).reshape(x.shape[0], -1, config.width)[:, :frames] * math.sqrt(config.width)
