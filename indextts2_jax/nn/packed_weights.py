"""Weight matrices as they lie in memory, where [in, out] is not the best way for them to lie.

    Transposed   [out, in]: for products of few rows on a CPU
    Int8         a byte a number and a scale a column: for little memory

A step of generation multiplies a handful of rows with every matrix of the GPT, so it takes as long as reading them.
With AVX-512 XLA's CPU backend reads a matrix [in, out] as it lies and repacks one [out, in]; without, the other way
round. Milliseconds for six matrices of 1280 x 5120 (157 MB):

    rows                                   1      2      3      8     24
    AVX2, CPU time       x @ W            11            36     37
                         W' [out, in]     10            13     16     36
    AVX-512, two cores   x @ W           3.6    4.2    4.2    4.9    7.5
                         W' [out, in]    3.2    7.3    7.0    7.9   10.3

Both classes stand for the matrix [in, out] in a tree of parameters, where `Linear` finds them.
"""

import pathlib
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Float, Int, Params
from indextts2_jax.nn.layers import along_last

FEW_ROWS = 64
"""Up to so many rows the product is W' x' rather than x W: the larger operand is then the one that is not packed."""


def wide_vectors() -> bool:
    """Whether the processor has AVX-512; False where nothing says so."""
    try:
        return " avx512f" in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # no Linux
        return False


class Transposed(NamedTuple):  # no dataclass, whose fields would be checked when JAX fills them with shapes or numbers
    """A matrix [in, out], stored as [out, in]."""

    array: Float[Array, "E D"]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape[::-1]

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Float[np.ndarray, "D E"]:
        return np.asarray(self.array, dtype).T

    def product(self, x: Float[Array, "... D"]) -> Float[Array, "... E"]:
        rows = x.reshape(-1, x.shape[-1])
        weights = self.array.astype(x.dtype)
        if rows.shape[0] > FEW_ROWS:
            y = jnp.einsum("md,ed->me", rows, weights)
        else:
            y = jnp.einsum("ed,md->em", weights, rows).T
        return y.reshape(*x.shape[:-1], -1)


class Int8(NamedTuple):
    """A matrix [in, out] as values * scale, the scale of a column so that its largest number becomes 127."""

    values: Int[Array, "D E"]
    scale: Float[Array, " E"]

    @classmethod
    def of(cls, kernel: Float[Array, "D E"]) -> "Int8":
        """Rounds to the nearest, symmetrically; a column of zeros stays one."""
        kernel = jnp.asarray(kernel)
        exact = kernel.astype(jnp.float32)
        largest = jnp.max(jnp.abs(exact), axis=0)
        scale = jnp.where(largest > 0, largest / 127.0, 1.0)
        return cls(jnp.round(exact / scale[None]).astype(jnp.int8), scale.astype(kernel.dtype))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def dtype(self) -> Any:
        """Of the computation."""
        return self.scale.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Float[np.ndarray, "D E"]:
        return np.asarray(self.values, np.float32) * np.asarray(self.scale, np.float32)

    def product(self, x: Float[Array, "... D"]) -> Float[Array, "... E"]:
        y = x @ self.values.astype(x.dtype)
        return y * along_last(self.scale.astype(x.dtype), y)


class Linear(nn.Dense):
    """`nn.Dense` whose kernel may also be one of the above."""

    def __call__(self, inputs: Float[Array, "... D"]) -> Float[Array, "... {self.features}"]:
        kernel = self.get_variable("params", "kernel") if self.has_variable("params", "kernel") else None
        if not isinstance(kernel, Transposed | Int8):
            if inputs.size == inputs.shape[-1]:  # XLA's CPU backend reads the matrix a quarter faster for a vector
                return super().__call__(inputs.reshape(-1)).reshape(*inputs.shape[:-1], -1)
            return super().__call__(inputs)
        y = kernel.product(inputs.astype(self.dtype))
        return y + along_last(self.get_variable("params", "bias").astype(self.dtype), y) if self.use_bias else y


def map_kernels(tree: Params, change: Any) -> Params:
    """The tree with `change` applied to every matrix that belongs to a dense layer of it."""
    return {
        name: map_kernels(leaf, change)
        if isinstance(leaf, dict)
        else change(leaf)
        if name == "kernel" and len(leaf.shape) == 2
        else leaf
        for name, leaf in tree.items()
    }
