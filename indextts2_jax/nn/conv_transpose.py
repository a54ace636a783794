"""Transposed convolution along time, with a kernel gradient that a CPU can compute.

The forward pass and the gradient of the input are XLA's own. The gradient of the kernel is a few matrix products here:
XLA writes it as a convolution for which its CPU backend has plain loops only, fifty times slower (stride 8, 64 to 32
channels).
"""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import AnyArray, Array, Float

Dtype = Any


class ConvTranspose1d(nn.Module):
    """`torch.nn.ConvTranspose1d(C, features, k, stride, padding=(k - stride) // 2)` on [B, T, C]: T -> stride * T.

    `kernel_size - stride` must be even and not negative. Parameters: `kernel` [k, out, in], `bias` [out].
    """

    features: int
    kernel_size: int
    stride: int
    dtype: Dtype = jnp.float32
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"]) -> Float[Array, "B T*{self.stride} {self.features}"]:
        initial = nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal", in_axis=-1, out_axis=-2)
        shape = (self.kernel_size, self.features, x.shape[-1])
        kernel = self.param("kernel", initial, shape, self.param_dtype).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), self.param_dtype).astype(self.dtype)
        return _convolve(x.astype(self.dtype), kernel, self.stride) + bias[None, None]


def _cut(size: int, stride: int) -> int:
    return (size - stride) // 2


def _plain(x: Float[Array, "B T C"], kernel: Float[Array, "_ D C"], stride: int) -> Float[Array, "B T*{stride} D"]:
    """y[stride * t + j - cut] += kernel[j] x[t]"""
    edge = kernel.shape[0] - 1 - _cut(kernel.shape[0], stride)
    layout = ("NWC", "WIO", "NWC")
    return jax.lax.conv_transpose(x, kernel, (stride,), [(edge, edge)], dimension_numbers=layout, transpose_kernel=True)


_convolve = jax.custom_vjp(_plain, nondiff_argnums=(2,))


def _forward(
    x: Float[Array, "B T C"], kernel: Float[Array, "_ D C"], stride: int
) -> tuple[Float[Array, "B T*{stride} D"], tuple[Array, Array]]:
    return _plain(x, kernel, stride), (x, kernel)


def _backward(
    stride: int, saved: tuple[Float[Array, "B T C"], Float[Array, "taps D C"]], dy: Float[AnyArray, "B T*{stride} D"]
) -> tuple[Float[Array, "B T C"], Float[Array, "taps D C"]]:
    x, kernel = saved
    (dx,) = jax.linear_transpose(functools.partial(_plain, kernel=kernel, stride=stride), x)(dy)
    size, (batch, frames, _) = kernel.shape[0], x.shape
    rounds = -(-size // stride)  # of `stride` taps each: tap j = stride * m + r reads dy at stride * (t + m) + r - cut
    before = _cut(size, stride)
    behind = (frames + rounds - 1) * stride - before - dy.shape[1]
    phases = jnp.pad(dy, ((0, 0), (before, max(behind, 0)), (0, 0)))[:, : (frames + rounds - 1) * stride]
    phases = phases.reshape(batch, frames + rounds - 1, -1)  # [B, T + m, stride * D]
    parts = [jnp.einsum("BTC,BTK->KC", x, phases[:, m : m + frames]) for m in range(rounds)]
    gradient = jnp.concatenate(parts).reshape(rounds * stride, *kernel.shape[1:])[:size]
    return dx, gradient.astype(kernel.dtype)


_convolve.defvjp(_forward, _backward)
