"""The WaveNet that ends the velocity network: gated convolutions over mel frames, a skip output from every layer.

    x ─┬─ reflect ─ conv 5 ─ + modulation ─ tanh · sigmoid ─ Dense ─┬─► + x ──► next layer
       └────────────────────────────────────────────────────────────┘ └─► + out
The last layer feeds `out` only, so its Dense is half as wide and it stays outside the scanned stack.
Source: `WN` in indextts/s2mel/modules/wavenet.py, padding from `SConv1d` in encodec.py.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Float, Int, Lengths
from indextts2_jax.config import S2MelConfig
from indextts2_jax.nn.layers import conv1d
from indextts2_jax.nn.masking import reflect_index

Dtype = Any
Carry = tuple[Float[Array, "B M D"], Float[Array, "B M D"]]


def reflect_rows(frames: int, lengths: Lengths, pad: int) -> Int[Array, "B R"]:
    """The frames + 2 pad rows to gather so that a sequence is padded by reflection at its true ends.

    Needs lengths > pad. Rows that no valid frame reads are clipped into the array: they must stay finite.
    """
    index = jnp.arange(-pad, frames + pad)[None, :]
    return jnp.clip(reflect_index(index, lengths[:, None]), 0, frames - 1)


class WaveNetLayer(nn.Module):
    """One layer; `last` drops the residual half of its output."""

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32
    last: bool = False

    @nn.compact
    def __call__(self, carry: Carry, modulation: Float[Array, "#B 2*D"], rows: Int[Array, "B R"]) -> tuple[Carry, None]:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        width = self.config.width
        x, out = carry
        padded = jax.vmap(lambda frames, row: frames[row])(x, rows)
        gates = conv1d(2 * width, self.config.wavenet_kernel, name="conv", **types)(padded) + modulation[:, None, :]
        acts = jnp.tanh(gates[..., :width]) * nn.sigmoid(gates[..., width:])
        acts = nn.Dense(width if self.last else 2 * width, name="out", **types)(acts)
        if self.last:
            return (x, out + acts), None
        return (x + acts[..., :width], out + acts[..., width:]), None


class WaveNet(nn.Module):
    """x [B M D] -> [B M D]; at least `wavenet_kernel // 2 + 1` (3) valid frames."""

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "B M D"], modulation: Float[Array, "#B wavenet_layers 2*D"], lengths: Lengths
    ) -> Float[Array, "B M D"]:
        stack = nn.scan(
            WaveNetLayer,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=(1, nn.broadcast),
            length=self.config.wavenet_layers - 1,
        )
        rows = reflect_rows(x.shape[1], lengths, self.config.wavenet_kernel // 2)
        layer = (self.config, self.dtype, self.param_dtype)
        carry, _ = stack(*layer, name="layers")((x, jnp.zeros_like(x)), modulation[:, :-1], rows)
        (_, out), _ = WaveNetLayer(*layer, last=True, name="last")(carry, modulation[:, -1], rows)
        return out
