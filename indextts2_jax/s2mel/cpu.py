"""What only a CPU needs: a convolution of five taps with two products a frame, by Winograd's short convolution.

Four neighbouring outputs depend on eight inputs. Read as polynomials, taps and outputs are determined by their values
at eight points, 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, and a value of the product is the product of the values:

    outputs [4] = A' ((G taps [5]) * (B' inputs [8]))        elementwise in the middle, or a matrix product of channels

With these points float32 keeps its digits: the error is five times that of adding up the taps, 1e-6 of the result.
Toom-Cook; Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, arXiv:1509.09308.
"""

import functools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import jax.numpy as jnp

from indextts2_jax.array_typing import AnyArray, Array, Float
from indextts2_jax.config import S2MelConfig
from indextts2_jax.nn.platform import platform

TAPS, OUTPUTS = 5, 4
POINTS = tuple(map(Fraction, ("0", "1", "-1", "2", "-2", "1/2", "-1/2")))
SIZE = len(POINTS) + 1

Matrix = tuple[tuple[float, ...], ...]


@functools.cache
def matrices() -> tuple[Matrix, Matrix, Matrix]:
    """(A' [4, 8], G [8, 5], B' [8, 8]), exact in float32 or rounded once."""
    last = len(POINTS)
    scales = [functools.reduce(lambda v, q: v * (p - q), [q for q in POINTS if q != p], Fraction(1)) for p in POINTS]
    a = [[p**row for p in POINTS] + [Fraction(row == OUTPUTS - 1)] for row in range(OUTPUTS)]
    g = [[p**tap / scale for tap in range(TAPS)] for p, scale in zip(POINTS, scales, strict=True)]
    g.append([Fraction(tap == TAPS - 1) for tap in range(TAPS)])
    b = [_product([q for q in POINTS if q != p]) for p in POINTS] + [_product(list(POINTS))]
    b = [row + [Fraction(0)] * (last + 1 - len(row)) for row in b]
    return tuple(tuple(tuple(map(float, row)) for row in matrix) for matrix in (a, g, b))  # type: ignore[return-value]


def _product(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients of (x - r1)(x - r2)..., the constant first."""
    made = [Fraction(1)]
    for root in roots:
        made = [low - root * high for low, high in zip([Fraction(0), *made], [*made, Fraction(0)], strict=True)]
    return made


def _combine(weights: tuple[float, ...], parts: Sequence[Float[AnyArray, "..."]]) -> Float[AnyArray, "..."]:
    terms = [part if weight == 1 else weight * part for weight, part in zip(weights, parts, strict=True) if weight]
    return sum(terms[1:], terms[0])


def transform(kernel: Float[AnyArray, "*layers 5 D E"]) -> Float[Array, "*layers 8 D E"]:
    """Once for a kernel."""
    taps = [kernel[..., tap, :, :] for tap in range(TAPS)]
    return jnp.stack([_combine(row, taps) for row in matrices()[1]], axis=-3)


def convolve(x: Float[Array, "B S D"], kernel: Float[Array, "8 D E"]) -> Float[Array, "B S-4 E"]:
    """What `sum(x[:, tap : tap + S - 4] @ taps[tap])` is; `kernel` is transformed."""
    batch, size, width = x.shape
    frames = size - TAPS + 1
    x = jnp.pad(x, ((0, 0), (0, -frames % OUTPUTS), (0, 0)))
    fours = x.reshape(batch, -1, OUTPUTS, width)
    inputs = [fours[:, :-1, place] for place in range(OUTPUTS)] + [fours[:, 1:, place] for place in range(OUTPUTS)]
    after, _, before = matrices()
    values = [_combine(row, inputs) @ kernel[point] for point, row in enumerate(before)]
    outputs = jnp.stack([_combine(row, values) for row in after], axis=2)
    return outputs.reshape(batch, -1, outputs.shape[-1])[:, :frames]


def short_wavenet(config: S2MelConfig, dtype: Any) -> bool:
    """In float32 only, as it costs a digit, and on a CPU, which is short of arithmetic rather than of memory."""
    fits = config.wavenet_kernel == TAPS and jnp.dtype(dtype) == jnp.float32
    return fits and platform() == "cpu"
