"""Everything in the velocity network that depends on the time alone.

    t [S] ─┬─ sinusoid ─ MLP ─► t1 ─┬─ Dense of every block ───► attention, ffn   [S layers 2D]
           │                        ├─ Dense ──────────────────► norm             [S 2D]
           │                        └─ SiLU ─ Dense ───────────► final            [S 2D]
           └─ sinusoid ─ MLP ─► t2 ─── Dense ──────────────────► wavenet          [S wavenet_layers 2D]

The times of the Euler steps are known before the first one, so all of this is computed once for all steps, batched
into one matrix product a layer, and always in float32.
Source: TimestepEmbedder, FinalLayer and AdaptiveLayerNorm in indextts/s2mel/modules/diffusion_transformer.py and
gpt_fast/model.py; `cond_layer` in wavenet.py.
"""

import math
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Float32
from indextts2_jax.config import S2MelConfig

Dtype = Any

MAX_PERIOD = 10000.0
TIME_SCALE = 1000.0


def frequencies(features: int) -> Float32[np.ndarray, " {features//2}"]:
    """Falling geometrically from 1 towards 1 / 10000."""
    half = features // 2
    return np.exp(-math.log(MAX_PERIOD) * np.arange(half, dtype=np.float32) / np.float32(half))


def sinusoid(t: Float[Array, " S"], features: int) -> Float[Array, "S {features}"]:
    """[cos, sin](1000 t f): cosines first."""
    angle = (TIME_SCALE * t.astype(jnp.float32))[:, None] * frequencies(features)[None]
    return jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], axis=-1)


class TimestepEmbedder(nn.Module):
    """Times [S] in [0, 1] -> embeddings [S D]."""

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, t: Float[Array, " S"]) -> Float[Array, "S D"]:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        h = sinusoid(t, self.config.time_features)
        h = nn.silu(nn.Dense(self.config.width, name="hidden", **types)(h))
        return nn.Dense(self.config.width, name="out", **types)(h)


class Modulation(NamedTuple):
    """Scales and biases for S times, or for one without that axis; the first half of each pair is named first."""

    attention: Float[Array, "*S layers pair"]
    """(weight, bias) after the norm before the attention of every transformer block."""
    ffn: Float[Array, "*S layers pair"]
    """(weight, bias) after the norm before the feed-forward net of every block."""
    norm: Float[Array, "*S pair"]
    """(weight, bias) after the transformer's last norm."""
    wavenet: Float[Array, "*S wavenet_layers pair"]
    """What is added before the (tanh, sigmoid) gate of every WaveNet layer."""
    final: Float[Array, "*S pair"]
    """(shift, scale) after the WaveNet: the other order, and the scale is around 0."""


class TimeModulation(nn.Module):
    """Times [S] in [0, 1] -> `Modulation`."""

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, t: Float[Array, " S"]) -> Modulation:
        config, types = self.config, {"dtype": jnp.float32, "param_dtype": self.param_dtype}
        per_block = nn.vmap(
            nn.Dense,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=None,
            out_axes=1,
            axis_size=config.depth,
        )
        pair = 2 * config.width
        t1 = TimestepEmbedder(config, name="embed", **types)(t)
        t2 = TimestepEmbedder(config, name="wavenet_embed", **types)(t)
        gates = nn.Dense(config.wavenet_layers * pair, name="wavenet", **types)(t2)
        modulation = Modulation(
            attention=per_block(pair, name="attention", **types)(t1),
            ffn=per_block(pair, name="ffn", **types)(t1),
            norm=nn.Dense(pair, name="norm", **types)(t1),
            wavenet=gates.reshape(-1, config.wavenet_layers, pair),
            final=nn.Dense(pair, name="final", **types)(nn.silu(t1)),
        )
        return jax.tree.map(lambda x: x.astype(self.dtype), modulation)
