"""BigVGAN's activation: SnakeBeta at twice the sample rate, so that the overtones it makes do not fold back.

    x [B T C] --x2 up (12 taps)--> [B 2T C] --snake--> [B 2T C] --low pass, keep every 2nd (12 taps)--> [B T C]

Even and odd samples of the doubled rate are kept apart (polyphase): each is a sum of six shifted copies of x, and the
way back is a sum of twelve shifted copies of them. XLA runs that as two plain loops; as a depthwise convolution it is
more than ten times slower on a CPU. Outside its ends x counts as its first and its last valid frame, and so does the
doubled signal, which is why the lengths matter here even though nothing is learnt about time.

Source: indextts/s2mel/modules/bigvgan/activations.py and alias_free_activation/torch; BigVGAN (Lee et al., 2022,
arXiv:2206.04658), which took the filters from StyleGAN3.
"""

import functools
import math
import operator
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import AnyArray, Array, Float, Float32, Int, Key, Lengths
from indextts2_jax.nn.layers import along_last

TAPS = 12
HALO = 3  # frames on each side that six taps of the doubled rate reach

# pi as three float32 whose first two have few enough bits that n * part is exact for n < 4096
_PI_HIGH = np.float32(3.140625)
_PI_MIDDLE = np.float32(math.floor((math.pi - 3.140625) * 2.0**22) / 2.0**22)
_PI_LOW = np.float32(math.pi - 3.140625 - float(_PI_MIDDLE))


def _sine_coefficients() -> tuple[float, ...]:
    """sin(r) / r as a polynomial in r^2 for |r| <= pi/2, fitted at Chebyshev nodes (error 2e-11)."""
    nodes = (math.pi / 2) ** 2 * (0.5 + 0.5 * np.cos((np.arange(64) + 0.5) * math.pi / 64))
    root = np.sqrt(nodes)
    return tuple(np.polynomial.Polynomial.fit(nodes, np.sin(root) / root, 5, domain=[]).convert().coef)


_SINE = _sine_coefficients()


def kaiser_sinc_filter() -> Float32[np.ndarray, "12"]:
    """The low pass that the published file stores beside every activation: cutoff 1/4, transition 0.3, sum 1.

    Computed in float64; the stored one, computed in float32, differs by up to 3e-8.
    """
    attenuation = 2.285 * (TAPS // 2 - 1) * math.pi * 4 * 0.3 + 7.95
    beta = 0.1102 * (attenuation - 8.7)  # Kaiser's formula above 50 dB; here it is 51
    time = np.arange(-(TAPS // 2), TAPS // 2) + 0.5
    taps = np.kaiser(TAPS, beta) * np.sinc(time / 2)
    return (taps / taps.sum()).astype(np.float32)


def sin_squared(y: Float[Array, "..."]) -> Float[Array, "..."]:
    """sin(y)^2 in float32, within 3e-7 for |y| <= 1e4 and always in [0, 1].

    `jnp.sin` keeps its accuracy for any argument, and on a CPU that takes XLA ten times longer than all the rest of the
    activation. sin^2 has period pi, so one reduction and one polynomial do.
    """
    sine = _sine(y)
    return sine * sine


def _sine(y: Float[Array, "..."]) -> Float[Array, "..."]:
    """sin(y) up to the sign of cos(y): a polynomial in y less the nearest multiple of pi."""
    turns = jnp.round(y * np.float32(1 / math.pi))
    r = ((y - turns * _PI_HIGH) - turns * _PI_MIDDLE) - turns * _PI_LOW
    r = jnp.clip(r, -math.pi / 2, math.pi / 2)
    z = r * r
    sine = jnp.full_like(z, _SINE[-1])
    for coefficient in _SINE[-2::-1]:
        sine = sine * z + np.float32(coefficient)
    return sine * r


def _correlate(taps: Float[Array, "6"], x: Float[Array, "B S C"]) -> Float[Array, "B S-5 C"]:
    """sum_i taps[i] * x[:, t + i]"""
    size = x.shape[1] - len(taps) + 1
    return functools.reduce(operator.add, (taps[i] * x[:, i : i + size] for i in range(len(taps))))


@jax.custom_vjp
def _upsample(
    x: Float[Array, "B S C"], taps: Float[Array, "12"]
) -> tuple[Float[Array, "B S-6 C"], Float[Array, "B S-6 C"]]:
    """Even and odd samples of the doubled rate, of the frames with three neighbours on both sides."""
    return _correlate(taps[11::-2], x[:, :-1]), _correlate(taps[10::-2], x[:, 1:])


@jax.custom_vjp
def _downsample(doubled: Float[Array, "2 B S C"], taps: Float[Array, "12"]) -> Float[Array, "B S-6 C"]:
    return _correlate(taps[1::2], doubled[0, :, 1:]) + _correlate(taps[0::2], doubled[1, :, :-1])


@jax.custom_vjp
def _snake(y: Float[Array, "B S C"], frequency: Float[Array, " C"], depth: Float[Array, " C"]) -> Float[Array, "B S C"]:
    return y + along_last(depth, y) * sin_squared(along_last(frequency, y) * y)


# The gradients are written out: of the transposed sums of shifted copies XLA's CPU compiler makes loops that take
# twenty times as long as the forward pass. The filters are data of the file, not weights: their gradient is zero.


def _upsample_backward(
    taps: Float[Array, "12"], dy: tuple[Float[Array, "B S C"], Float[Array, "B S C"]]
) -> tuple[Float[Array, "B S+6 C"], Float[Array, "12"]]:
    even, odd = (
        _materialise([jnp.pad(d, ((0, 0), cut, (0, 0)))], 0) for d, cut in zip(dy, ((5, 6), (6, 5)), strict=True)
    )
    return _correlate(taps[1::2], even) + _correlate(taps[0::2], odd), jnp.zeros_like(taps)


def _downsample_backward(
    taps: Float[Array, "12"], dy: Float[Array, "B S C"]
) -> tuple[Float[Array, "2 B S+6 C"], Float[Array, "12"]]:
    even, odd = (_materialise([jnp.pad(dy, ((0, 0), cut, (0, 0)))], 0) for cut in ((6, 5), (5, 6)))
    parts = [_correlate(taps[11::-2], even)[None], _correlate(taps[10::-2], odd)[None]]
    return _materialise(parts, 0), jnp.zeros_like(taps)


def _snake_backward(
    saved: tuple[Float[Array, "B S C"], Float[Array, " C"], Float[Array, " C"]], dz: Float[Array, "B S C"]
) -> tuple[Float[Array, "B S C"], Float[Array, " C"], Float[Array, " C"]]:
    y, frequency, depth = saved
    frequency, depth = along_last(frequency, y), along_last(depth, y)
    sine = _sine(frequency * y)
    double = (
        2.0 * sine * jnp.sqrt(jnp.maximum(1.0 - sine * sine, 0.0))
    )  # sin 2y, for the reduced cosine is not negative
    axes = tuple(range(y.ndim - 1))
    slope = dz * depth * double
    return dz + slope * frequency, jnp.sum(slope * y, axes), jnp.sum(dz * sine * sine, axes)


_upsample.defvjp(lambda x, taps: (_upsample(x, taps), taps), _upsample_backward)
_downsample.defvjp(lambda doubled, taps: (_downsample(doubled, taps), taps), _downsample_backward)
_snake.defvjp(lambda *inputs: (_snake(*inputs), inputs), _snake_backward)


def _window(x: Float[Array, "B T C"], start: Int[Array, " B"], size: int) -> Float[Array, "B {size} C"]:
    """Frames start[b] .. start[b] + size - 1 of every row."""
    return jax.vmap(lambda rows, at: jax.lax.dynamic_slice_in_dim(rows, at, size))(x, start)


def _repeat_edges(x: Float[Array, "B T C"], end: Int[Array, "B 1"], count: int) -> Float[Array, "B T+2*{count} C"]:
    """`count` copies of the first frame before, and the last valid frame from `end` on to `count` frames behind.

    By copies and a choice, not by gathering all frames: the gradient of a gather is a scatter, slow on a CPU.
    """
    last = _window(x, end[:, 0] - 1, 1)
    x = jnp.where((jnp.arange(x.shape[1])[None] >= end)[..., None], last, x)
    return _materialise([*[x[:, :1]] * count, x, *[last] * count], 1)


def _materialise(parts: list[Array], axis: int) -> Array:
    """Concatenates, and keeps XLA from computing the parts anew for each of their uses.

    Every doubled sample is used six times and every edge sample everywhere. The CPU compiler would merge all of it into
    one loop; it heeds the barrier only behind an operation that it does not merge, such as a concatenation.
    """
    return jax.lax.optimization_barrier(jnp.concatenate(parts, axis))


@jax.jit  # so that the many activations of one shape are traced once
def _alias_free_snake(
    x: Float[Array, "B T C"],
    lengths: Lengths,
    frequency: Float[Array, " C"],
    depth: Float[Array, " C"],
    up: Float[Array, "12"],
    down: Float[Array, "12"],
) -> Float[Array, "B T C"]:
    """x + depth * sin(frequency * x)^2 at the doubled rate."""
    size, end = x.shape[1], jnp.maximum(lengths, 1)[:, None]
    up = 2.0 * up  # the zeros between the samples halve the level
    x = _repeat_edges(x, end, 2 * HALO)  # frames -6 .. T+5

    # outside its ends the doubled rate, too, repeats its own first and last sample
    first, _ = _upsample(x[:, HALO : 3 * HALO + 1], up)
    _, last = _upsample(_window(x, end[:, 0] + HALO - 1, 2 * HALO + 1), up)
    first_last = _materialise([first, last], 1)
    frame = jnp.arange(-HALO, size + HALO)
    before, behind = (frame < 0)[None, :, None], (frame[None] >= end)[..., None]

    def snake(y: Float[Array, "B T C"]) -> Float[Array, "B T C"]:
        y = jnp.where(before, first_last[:, :1], jnp.where(behind, first_last[:, 1:], y))
        return _snake(y, frequency, depth)

    doubled = _materialise([snake(y)[None] for y in _upsample(x, up)], 0)
    return _downsample(doubled, down)


class AliasFreeSnake(nn.Module):
    """One activation, in float32 inside.

    Parameters: `alpha`, `beta` [C], the logarithms of frequency and of inverse depth; `up_filter`, `down_filter` [12].
    The filters are buffers of the published file. They are loaded rather than recomputed, so that a checkpoint that
    stores other ones is honoured. The parameters of several activations are not stacked: slicing the stack costs XLA
    half as much compile time again.
    """

    dtype: Any = jnp.float32
    param_dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "B T C"], lengths: Lengths) -> Float[Array, "B T C"]:
        """What lies behind `lengths` changes no valid frame; there the result means nothing."""

        def param(name: str, init: nn.initializers.Initializer, size: int) -> Float[AnyArray, " {size}"]:
            return self.param(name, init, (size,), self.param_dtype).astype(jnp.float32)

        zeros = nn.initializers.zeros
        frequency = jnp.exp(param("alpha", zeros, x.shape[-1]))
        depth = 1.0 / (jnp.exp(param("beta", zeros, x.shape[-1])) + 1e-9)
        up, down = param("up_filter", _filter_init, TAPS), param("down_filter", _filter_init, TAPS)
        return _alias_free_snake(x.astype(jnp.float32), lengths, frequency, depth, up, down).astype(self.dtype)


def _filter_init(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Float[Array, "12"]:
    return jnp.asarray(kaiser_sinc_filter(), dtype)
