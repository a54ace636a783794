"""The velocity network of the flow: a diffusion transformer with U-ViT skips, then a WaveNet.

    x ─────────────┬──────────────────────────────────────────────────────────────────────────┐
    prompt ────────┤ merge ─► down blocks ─► middle block ─► up blocks ─► norm ─► skip_merge ◄┘
    mu ─ cond_proj ┤              └───── last in, first out ─────┘                  │
    style ─────────┘                                            ┌─ WaveNet ◄────────┤
    t ──► modulation of all of it        v ◄── out ◄─ final ◄───┴─ residual ◄───────┘

Three methods divide the work by how often it changes: `conditions` (once a request), `modulation` (once for all
times) and `velocity` (every step); calling the module composes them.
Source: indextts/s2mel/modules/diffusion_transformer.py and gpt_fast/model.py.
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Bool, Float, Float32, Int, Lengths, Params
from indextts2_jax.config import S2MelConfig
from indextts2_jax.nn.attention import attention
from indextts2_jax.nn.layers import LayerNorm, RMSNorm
from indextts2_jax.nn.masking import length_mask
from indextts2_jax.s2mel import cpu
from indextts2_jax.s2mel.timestep import Modulation, TimeModulation
from indextts2_jax.s2mel.wavenet import WaveNet

Dtype = Any

ROPE_BASE = 10000.0
FFN_MULTIPLE = 256


def ffn_width(width: int) -> int:
    """Two thirds of four times the width, rounded up to a multiple of 256."""
    return -(-int(2 * 4 * width / 3) // FFN_MULTIPLE) * FFN_MULTIPLE


def rope_table(frames: int, head_dim: int) -> Float32[np.ndarray, "{frames} {head_dim//2} 2"]:
    """A (cos, sin) of every frame and pair: a constant of the compiled program, made once per shape.

    Every intermediate is rounded to float32 as torch does: late frames multiply the rounding of a frequency by their
    position.
    """
    exponent = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
    period = np.power(ROPE_BASE, exponent.astype(np.float64)).astype(np.float32)
    angle = np.outer(np.arange(frames, dtype=np.float32), np.float32(1) / period)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def rotate(x: Float[Array, "B M H K"], rope: Float[Array, "M pairs 2"]) -> Float[Array, "B M H K"]:
    """Rotary embedding of interleaved pairs: channels 2i and 2i + 1 turn together. In float32."""
    pairs = x.astype(jnp.float32).reshape(*x.shape[:-1], -1, 2)
    even, odd = pairs[..., 0], pairs[..., 1]
    cos, sin = rope[None, :, None, :, 0], rope[None, :, None, :, 1]
    turned = jnp.stack([even * cos - odd * sin, odd * cos + even * sin], axis=-1)
    return turned.reshape(x.shape).astype(x.dtype)


def prepare(params: Params, config: S2MelConfig, dtype: Dtype) -> Params:
    """The same network in the form that is quick to evaluate many times: what a `DiT` with `prepared` is applied to.

    The channels of every query and key get another order, first all even, then all odd ones. Their products stay what
    they are, and turning pairs of channels is then arithmetic of whole halves (`rotate_halves`); between neighbours it
    is slow on a CPU. The WaveNet's kernels are transformed where its convolutions will be short (`cpu.short_wavenet`).
    """
    size = config.width // config.heads
    head = np.concatenate([np.arange(0, size, 2), np.arange(1, size, 2)])
    queries_keys = (size * np.arange(2 * config.heads)[:, None] + head).reshape(-1)
    order = np.concatenate([queries_keys, 2 * config.width + np.arange(config.width)])

    def reordered(block: Params) -> Params:
        return {**block, "qkv": {"kernel": block["qkv"]["kernel"][..., order]}}

    def transformed(layer: Params) -> Params:
        conv = layer["conv"]
        return {**layer, "conv": {**conv, "kernel": cpu.transform(conv["kernel"].astype(dtype))}}

    params = {**params, **{name: reordered(params[name]) for name in ("down", "middle", "up")}}
    if not cpu.short_wavenet(config, dtype):
        return params
    return {**params, "wavenet": {name: transformed(layer) for name, layer in params["wavenet"].items()}}


def rotate_halves(x: Float[Array, "B M H K"], rope: Float[Array, "M pairs 2"]) -> Float[Array, "B M H K"]:
    """`rotate` where channel i turns with channel i + half."""
    halves = x.astype(jnp.float32).reshape(*x.shape[:-1], 2, -1)
    signs = np.array([-1.0, 1.0], np.float32)[None, None, None, :, None]
    cos, sin = rope[None, :, None, None, :, 0], rope[None, :, None, None, :, 1] * signs
    return (halves * cos + halves[..., ::-1, :] * sin).reshape(x.shape).astype(x.dtype)


def modulate(x: Float[Array, "B M D"], pair: Float[Array, "#B 2*D"]) -> Float[Array, "B M D"]:
    """weight * x + bias, the weight in the first half of `pair`."""
    weight, bias = jnp.split(pair[:, None, :], 2, axis=-1)
    return weight * x + bias


class Block(nn.Module):
    """Attention and SwiGLU behind modulated norms. With a `skip` (U-ViT's up half), it is merged in first.

    Returns (h, h), or (h, None) for an up block: nothing skips to anywhere from there.
    """

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32
    halves: bool = False

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B M D"],
        skip: Float[Array, "B M D"] | None,
        attention_pair: Float[Array, "#B 2*D"],
        ffn_pair: Float[Array, "#B 2*D"],
        rope: Float[Array, "M pairs 2"],
        mask: Bool[Array, "B 1 1 M"],
    ) -> tuple[Float[Array, "B M D"], Float[Array, "B M D"] | None]:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        dense: Callable[..., nn.Dense] = functools.partial(nn.Dense, use_bias=False, **types)
        batch, frames, width = x.shape
        if skip is not None:
            x = nn.Dense(width, name="skip", **types)(jnp.concatenate([x, skip], axis=-1))

        h = modulate(RMSNorm(name="attention_norm", **types)(x), attention_pair)
        qkv = dense(3 * width, name="qkv")(h).reshape(batch, frames, 3, self.config.heads, -1)
        turn = rotate_halves if self.halves else rotate
        query, key = turn(qkv[:, :, 0], rope), turn(qkv[:, :, 1], rope)
        h = attention(query, key, qkv[:, :, 2], mask=mask, scale=query.shape[-1] ** -0.5)
        x = x + dense(width, name="out")(h.reshape(batch, frames, width))

        h = modulate(RMSNorm(name="ffn_norm", **types)(x), ffn_pair)
        hidden = ffn_width(width)
        x = x + dense(width, name="down")(nn.silu(dense(hidden, name="gate")(h)) * dense(hidden, name="up")(h))
        return x, (x if skip is None else None)


def window_of(x: Float[Array, "B M C"], start: Int[Array, " B"], size: int) -> Float[Array, "B {size} C"]:
    """`size` frames of every row, from its own `start` on."""
    return jax.vmap(lambda rows, at: jax.lax.dynamic_slice_in_dim(rows, at, size))(x, start)


def blocks(length: int, *, skip_axis: int | Any) -> Any:
    """`length` blocks with stacked parameters, scanned."""
    return nn.scan(
        Block,
        variable_axes={"params": 0},
        split_rngs={"params": True},
        in_axes=(skip_axis, 1, 1, nn.broadcast, nn.broadcast),
        length=length,
    )


class Merge(nn.Module):
    """One linear map of [x, prompt, projected mu, style], its rows split into what a step changes and the rest."""

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    def setup(self) -> None:
        c = self.config
        rows = (c.mel_bins, c.mel_bins, c.width, c.style_dim)
        self.cuts = tuple(int(cut) for cut in np.cumsum(rows[:-1]))
        self.kernel = self.param("kernel", nn.initializers.lecun_normal(), (sum(rows), c.width), self.param_dtype)
        self.bias = self.param("bias", nn.initializers.zeros, (c.width,), self.param_dtype)

    def _parts(self) -> list[Float[Array, "_ D"]]:
        return jnp.split(self.kernel.astype(self.dtype), self.cuts, axis=0)

    def fixed(
        self,
        prompt: Float[Array, "B M C"],
        mu: Float[Array, "B M D"],
        style: Float[Array, "B style"],
    ) -> Float[Array, "B M D"]:
        _, for_prompt, for_mu, for_style = self._parts()
        per_frame = prompt.astype(self.dtype) @ for_prompt + mu @ for_mu
        bias = self.bias.astype(self.dtype)[None, None]
        return per_frame + (style.astype(self.dtype) @ for_style)[:, None, :] + bias

    def noisy(self, x: Float[Array, "B M C"]) -> Float[Array, "B M D"]:
        return x.astype(self.dtype) @ self._parts()[0]


def context(config: S2MelConfig) -> int:
    """How many frames to one side the WaveNet sees."""
    return config.wavenet_layers * (config.wavenet_kernel // 2)


class DiT(nn.Module):
    """The estimator of the flow: velocity [B M C] of noisy mel frames at time t. Needs a depth of 3 or more.

    `prepared`: the parameters are those of `prepare`.
    """

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32
    prepared: bool = False

    def setup(self) -> None:
        c, types = self.config, {"dtype": self.dtype, "param_dtype": self.param_dtype}
        dense: Callable[..., nn.Dense] = functools.partial(nn.Dense, **types)
        # Block depth // 2 neither gives nor takes a skip. Of an even depth the first block's skip is never taken.
        self.half = c.depth // 2
        self.cond_proj = dense(c.width)
        self.merge = Merge(c, **types)
        self.time = TimeModulation(c, **types)
        self.down = blocks(self.half, skip_axis=nn.broadcast)(c, **types, halves=self.prepared)
        self.middle = Block(c, **types, halves=self.prepared)
        self.up = blocks(c.depth - self.half - 1, skip_axis=0)(c, **types, halves=self.prepared)
        self.norm = RMSNorm(**types)
        self.skip_merge = dense(c.width)
        self.wavenet_in = dense(c.width)
        self.wavenet = WaveNet(c, **types, short=self.prepared and cpu.short_wavenet(c, self.dtype))
        self.residual = dense(c.width)
        self.final_norm = LayerNorm(epsilon=1e-6, affine=False, **types)
        self.final = dense(c.width)
        self.out = dense(c.mel_bins)

    def conditions(
        self, prompt: Float[Array, "B M C"], style: Float[Array, "B style"], mu: Float[Array, "B M D"]
    ) -> Float[Array, "B M D"]:
        """What does not change from step to step: merged prompt mel, speaker style and length-regulated semantics.

        The unconditional row of guidance is this of zeros, which is not zero: the projection's bias survives.
        """
        return self.merge.fixed(prompt, self.cond_proj(mu), style)

    def modulation(self, t: Float[Array, " S"]) -> Modulation:
        """All time-dependent scales and biases for S times in [0, 1]."""
        return self.time(t)

    def velocity(
        self,
        x: Float[Array, "B M C"],
        conditions: Float[Array, "B M D"],
        modulation: Modulation,
        lengths: Lengths,
        start: Int[Array, " B"] | None = None,
        size: int | None = None,
    ) -> Float[Array, "B _ C"]:
        """One evaluation; frames behind `lengths` (each at least 3) are ignored, and what they return means nothing.

        Args:
          x: noisy mel frames.
          conditions: from `conditions`.
          modulation: from `modulation`, one time for all rows (leading axis 1) or one a row.
          lengths: valid frames, prompt and target together.
          start, size: only the velocity of `size` frames of each row, from `start` on, is wanted; start + size must not
            exceed M. The transformer mixes all frames, but the WaveNet behind it, a third of the work, sees only
            `context(config)` frames to either side: where the window begins inside the signal, so many frames at its
            beginning mean nothing.
        """
        c = self.config
        rope = jnp.asarray(rope_table(x.shape[1], c.width // c.heads))
        mask = length_mask(lengths, x.shape[1])[:, None, None, :]
        attention_pairs, ffn_pairs = modulation.attention, modulation.ffn
        half = self.half

        h = self.merge.noisy(x) + conditions
        h, skips = self.down(h, None, attention_pairs[:, :half], ffn_pairs[:, :half], rope, mask)
        h, _ = self.middle(h, None, attention_pairs[:, half], ffn_pairs[:, half], rope, mask)
        skips = skips[::-1][: c.depth - half - 1]
        h, _ = self.up(h, skips, attention_pairs[:, half + 1 :], ffn_pairs[:, half + 1 :], rope, mask)
        if start is not None and size is not None and size < x.shape[1]:
            h, x, lengths = window_of(h, start, size), window_of(x, start, size), lengths - start
        h = modulate(self.norm(h), modulation.norm)
        h = self.skip_merge(jnp.concatenate([h, x.astype(h.dtype)], axis=-1))

        w = self.wavenet(self.wavenet_in(h), modulation.wavenet, lengths) + self.residual(h)
        shift, scale = jnp.split(modulation.final[:, None, :], 2, axis=-1)
        w = self.final_norm(w) * (1 + scale) + shift
        return self.out(self.final(w))

    def __call__(
        self,
        x: Float[Array, "B M C"],
        prompt: Float[Array, "B M C"],
        t: Float[Array, " B"],
        style: Float[Array, "B style"],
        mu: Float[Array, "B M D"],
        lengths: Lengths,
    ) -> Float[Array, "B M C"]:
        """The published estimator in one call, a time for every row (training, and comparison with the reference)."""
        return self.velocity(x, self.conditions(prompt, style, mu), self.modulation(t), lengths)
