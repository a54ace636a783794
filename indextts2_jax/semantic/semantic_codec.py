"""The semantic codec: encoder, quantiser, codebook, decoder; a model has those that `SemanticCodecConfig` says.

    x [B T 1024] ─ conv k7 ─ LayerNorm ─ 12 ConvNeXt ─ LayerNorm ─ Linear ─► z [B T 1024]
    z ─ in_project ─► [B T 8] ─ nearest codebook row by angle ─► indices [B T]
    indices ─ codebook row ─ out_project ─► embedding [B T 1024]
    embedding ─ conv k7 ─ LayerNorm ─ 12 ConvNeXt ─ LayerNorm ─ Linear ─► features [B T 1024]

With two frames a code, x is [B 2T 1024] and first halved by a convolution of stride 2 and a GELU; the decoder's every
frame is repeated and goes through a convolution, so that features are [B 2T 1024].

Source: indextts/codec (maskgct_codec.py, models.py, kmeans/vocos.py, amphion_codec/quantize/
factorized_vector_quantize.py).
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from indextts2_jax.array_typing import AnyArray, Array, Float, Int, Lengths, Mask
from indextts2_jax.config import SemanticCodecConfig
from indextts2_jax.nn.depthwise import DepthwiseConv
from indextts2_jax.nn.layers import LayerNorm, along_last, conv1d, gelu_erf
from indextts2_jax.nn.masking import length_mask, zero_padding

EPSILON = 1e-6  # of this network's LayerNorms


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, then a pointwise MLP, scaled per channel (Liu et al. 2022), as the body of a scan."""

    config: SemanticCodecConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: Mask) -> tuple[Float[Array, "B T D"], None]:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        y = DepthwiseConv(7, (3, 3), name="depthwise", **kinds)(zero_padding(x, mask))
        y = LayerNorm(EPSILON, name="norm", **kinds)(y)
        y = gelu_erf(nn.Dense(c.vocos_intermediate_dim, name="inner", **kinds)(y))
        y = nn.Dense(c.vocos_dim, name="outer", **kinds)(y)
        gamma = self.param("gamma", nn.initializers.constant(1 / c.vocos_layers), (c.vocos_dim,), self.param_dtype)
        return x + along_last(gamma.astype(self.dtype), y) * y, None


class Encoder(nn.Module):
    """The Vocos backbone and the projection back to the semantic width; the decoder is built alike.

    A frame depends on `3 + 3 * vocos_layers` frames on each side, 39 of the published sizes: of those behind `lengths`
    every convolution sees zeros.
    """

    config: SemanticCodecConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], lengths: Lengths) -> Float[Array, "B T D"]:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        mask = length_mask(lengths, x.shape[1])
        x = conv1d(c.vocos_dim, 7, padding=3, name="embed", **kinds)(zero_padding(x, mask))
        x = LayerNorm(EPSILON, name="norm", **kinds)(x)
        scan = nn.scan(
            ConvNeXtBlock,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=nn.broadcast,
            length=c.vocos_layers,
        )
        x, _ = scan(c, self.dtype, self.param_dtype, name="blocks")(x, mask)
        x = LayerNorm(EPSILON, name="final_norm", **kinds)(x)
        return nn.Dense(c.hidden_size, name="project", **kinds)(x)


def unit(x: Float[AnyArray, "... D"]) -> Float[Array, "... D"]:
    """x / max(||x||, 1e-12): `torch.nn.functional.normalize`; where x is zero its gradient is finite, not NaN."""
    x = jnp.asarray(x)
    return x / jnp.sqrt(jnp.maximum(jnp.sum(x * x, axis=-1, keepdims=True), 1e-24))


class Quantizer(nn.Module):
    """One factorised vector quantiser: rows are chosen by angle, in a space of 8 dimensions."""

    config: SemanticCodecConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    def setup(self) -> None:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        self.in_project = nn.Dense(c.codebook_dim, **kinds)
        self.out_project = nn.Dense(c.hidden_size, **kinds)
        self.codebook = self.param(
            "codebook", nn.initializers.normal(1.0), (c.codebook_size, c.codebook_dim), self.param_dtype
        )

    def nearest(self, z: Float[Array, "B T D"]) -> Int[Array, "B T"]:
        """The row with the largest cosine; the first of equals. In float32, for the choice is discrete."""
        latent = self.in_project(z).astype(jnp.float32)
        cosine = unit(latent) @ unit(self.codebook.astype(jnp.float32)).T
        return jnp.argmax(cosine, axis=-1).astype(jnp.int32)

    def embed(self, indices: Int[Array, "B T"]) -> Float[Array, "B T D"]:
        """Raw, not normalised, codebook rows, projected."""
        return self.out_project(jnp.take(self.codebook, indices, axis=0, mode="clip"))


class SemanticCodec(nn.Module):
    """`apply(variables, x, lengths)` quantises; with method "embed" or "decode" codes are looked up or decoded.

    Parameters: `encoder` and `decoder` (their `blocks` with a leading axis of `config.vocos_layers`), `down` and `up`,
    and `quantizer`.
    """

    config: SemanticCodecConfig
    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    def setup(self) -> None:
        c = self.config
        kinds = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        if c.encoder:
            self.encoder = Encoder(c, **kinds)
        if c.decoder:
            self.decoder = Encoder(c, **kinds)
        if c.encoder and c.frames_per_code > 1:
            self.down = conv1d(c.hidden_size, 3, padding=1, stride=c.frames_per_code, **kinds)
        if c.decoder and c.frames_per_code > 1:
            self.up = conv1d(c.hidden_size, 3, padding=1, **kinds)
        self.quantizer = Quantizer(c, **kinds)

    def __call__(self, x: Float[Array, "B T D"], lengths: Lengths) -> Any:
        """The same as `quantize`; decoded again where there is a decoder, without an encoder from codes of zero."""
        if not self.config.decoder:
            return self.quantize(x, lengths)
        codes = jnp.zeros((x.shape[0], -(-x.shape[1] // self.config.frames_per_code)), jnp.int32)
        if self.config.encoder:
            codes, _ = self.quantize(x, lengths)
        return self.decode(codes, -(-lengths // self.config.frames_per_code))

    def quantize(self, x: Float[Array, "B T D"], lengths: Lengths) -> tuple[Int[Array, "B _"], Float[Array, "B _ D"]]:
        """Semantic frames -> (indices 0..8191, embedding of those codes). Codes behind those of `lengths` frames, of
        which an odd last one has a code of its own, mean nothing.

        The published code returns z + (row - z), which for gradients is the straight-through estimator; in numbers
        it is the row with one rounding more. Here it is the row.
        """
        if (frames := self.config.frames_per_code) > 1:
            x = gelu_erf(self.down(zero_padding(x, length_mask(lengths, x.shape[1]))))
            lengths = -(-lengths // frames)
        indices = self.quantizer.nearest(self.encoder(x, lengths))
        return indices, self.quantizer.embed(indices)

    def embed(self, codes: Int[Array, "B T"]) -> Float[Array, "B T D"]:
        """Codes 0..8191 -> embedding (`vq2emb`). A code out of range counts as the nearest valid one: the start token
        8192 has a logit too, and only the sampler can keep it from being chosen."""
        return self.quantizer.embed(codes)

    def decode(self, codes: Int[Array, "B T"], lengths: Lengths) -> Float[Array, "B _ D"]:
        """Codes -> semantic frames, `frames_per_code` of each; those behind the codes that count are zero. A code out
        of range counts as the nearest valid one."""
        frames = self.config.frames_per_code
        x = self.decoder(self.quantizer.embed(codes), lengths)
        mask = length_mask(frames * lengths, frames * codes.shape[1])
        if frames == 1:
            return zero_padding(x, mask)
        return zero_padding(self.up(zero_padding(jnp.repeat(x, frames, axis=1), mask)), mask)
