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

from indextts2_jax.array_typing import Array, Float, Lengths
from indextts2_jax.config import S2MelConfig
from indextts2_jax.nn.masking import length_mask, zero_padding
from indextts2_jax.s2mel import cpu

Dtype = Any
Carry = tuple[Float[Array, "B M D"], Float[Array, "B M D"]]


def reflect(x: Float[Array, "B M D"], lengths: Lengths, pad: int) -> Float[Array, "B M+2*{pad} D"]:
    """Pads by reflection at the true ends; needs lengths > pad. What lies behind the padding is not defined.

    By slices and choices, not by gathering frames: the gradient of a gather is a scatter, slow on a CPU.
    """
    frames = x.shape[1]
    front = x[:, pad:0:-1]
    behind = jnp.arange(frames + 2 * pad)[None, :] - pad - lengths[:, None]  # 0 for the first frame behind the end
    padded = jnp.pad(x, ((0, 0), (pad, pad), (0, 0)))
    padded = jax.lax.dynamic_update_slice_in_dim(padded, front, 0, axis=1)
    for n in range(pad):
        mirrored = jax.vmap(lambda rows, at: jax.lax.dynamic_slice_in_dim(rows, at, 1))(x, lengths - 2 - n)
        padded = jnp.where((behind == n)[..., None], mirrored, padded)
    return padded


class TapConv(nn.Module):
    """`torch.nn.Conv1d` without padding as one matrix product a tap; parameters as of `nn.layers.conv1d`.

    Inside a scan XLA's CPU backend has no fast convolution, and none for its gradient: a hundred times slower.
    `short`: the kernel is one of `winograd.transform`, and there are two products a frame.
    """

    features: int
    kernel_size: int
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32
    short: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "B M D"]) -> Float[Array, "B M-{self.kernel_size-1} {self.features}"]:
        shape = (cpu.SIZE if self.short else self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape, self.param_dtype).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), self.param_dtype).astype(self.dtype)
        if self.short:
            return cpu.convolve(x, kernel) + bias[None, None]
        frames = x.shape[1] - self.kernel_size + 1
        y = x[:, :frames] @ kernel[0]
        for tap in range(1, self.kernel_size):
            y = y + x[:, tap : tap + frames] @ kernel[tap]
        return y + bias[None, None]


class WaveNetLayer(nn.Module):
    """One layer; `last` drops the residual half of its output."""

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32
    short: bool = False
    last: bool = False

    @nn.compact
    def __call__(self, carry: Carry, modulation: Float[Array, "#B 2*D"], lengths: Lengths) -> tuple[Carry, None]:
        types = {"dtype": self.dtype, "param_dtype": self.param_dtype}
        width, taps = self.config.width, self.config.wavenet_kernel
        x, out = carry
        padded = reflect(x, lengths, taps // 2)
        if self.short:  # whose four outputs at a time share rounding errors: what means nothing must not be large
            padded = zero_padding(padded, length_mask(lengths + 2 * (taps // 2), padded.shape[1]))
        gates = TapConv(2 * width, taps, short=self.short, name="conv", **types)(padded) + modulation[:, None, :]
        acts = jnp.tanh(gates[..., :width]) * nn.sigmoid(gates[..., width:])
        acts = nn.Dense(width if self.last else 2 * width, name="out", **types)(acts)
        if self.last:
            return (x, out + acts), None
        return (x + acts[..., :width], out + acts[..., width:]), None


class WaveNet(nn.Module):
    """x [B M D] -> [B M D]; at least `wavenet_kernel // 2 + 1` (3) valid frames.

    `short`: the kernels are those of `winograd.transform`.
    """

    config: S2MelConfig
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32
    short: bool = False

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
        layer = (self.config, self.dtype, self.param_dtype, self.short)
        carry, _ = stack(*layer, name="layers")((x, jnp.zeros_like(x)), modulation[:, :-1], lengths)
        (_, out), _ = WaveNetLayer(*layer, last=True, name="last")(carry, modulation[:, -1], lengths)
        return out
