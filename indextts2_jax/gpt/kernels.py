"""What only a GPU needs: a layer of the decoder's step in five launches, where XLA makes seventeen of it.

    x ─► linear (norm, q k v) ─► attend (and remember) ─► linear (+ x) ─► linear (norm, GELU) ─► linear (+ x) ─► x'

A step multiplies a handful of rows with every matrix of the GPT. An H100 reads a layer in 12 microseconds, and every
launch costs it two or three: so what stands between two products is done by them. Both kernels are written in Pallas
for Triton; where there is no GPU, they are tested by its interpreter.
"""

import functools
import importlib.util
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from indextts2_jax.array_typing import Array, Bool, Float, Int, Params
from indextts2_jax.gpt.kv_cache import KVCache
from indextts2_jax.nn.layers import gelu_tanh
from indextts2_jax.nn.packed_weights import Int8
from indextts2_jax.nn.platform import platform

TRITON = "jax.experimental.pallas.triton"
ROWS = 16
"""Rows of a tensor core's product: there are no fewer, and those behind the beams are padding."""
ROWS_A_COLUMN = 4
"""At most, of the columns that a program takes. Every program reads all rows, from a cache some times as fast as the
memory that holds the matrix; of more rows XLA's product is better."""

COLUMNS, PROGRAMS = 64, 80
"""Columns that a program takes at most, and how many programs there should be: H100, 4090 and 3090 have about 130,
130 and 80 cores."""
STAGES = 4
"""Pieces of the matrix on their way from memory at once."""
SHARED = 64 * 1024
"""Bytes that these pieces and those of the rows take at most. An RTX 3090 shares 99 kB in a block; with 96 kB programs
in float32 ran out of registers."""
SLOTS = 64
"""Keys and values that are attended to at once, at most."""


class Norm(NamedTuple):
    """The parameters of a LayerNorm."""

    scale: Float[Array, " D"]
    bias: Float[Array, " D"]
    epsilon: float


def chosen(params: Params) -> bool:
    """Whether this platform decodes by the kernels: one GPU does, while JAX has Triton (a JAX after 0.11 may not).

    XLA cannot divide them among several.
    """
    sharding = getattr(jax.tree.leaves(params)[0], "sharding", None)
    alone = sharding is None or len(sharding.device_set) == 1
    return platform() == "gpu" and alone and importlib.util.find_spec(TRITON) is not None


def fit(width: int, prefix: KVCache, generated: KVCache) -> bool:
    """Whether the kernels are for these sizes; those of every published model are such."""
    _, head_dim, positions = prefix.keys.shape
    whole = all(size % ROWS == 0 for size in (width, positions, generated.keys.shape[2]))
    return whole and _power_of_two(head_dim, head_dim) == head_dim >= ROWS


def padded(rows: int) -> int:
    """How many rows stand for so many: a power of two."""
    return max(ROWS, 1 << (rows - 1).bit_length())


def few(rows: int, columns: int) -> bool:
    """Whether `linear` is the better product of so many rows with a matrix of so many columns."""
    return rows <= ROWS_A_COLUMN * _columns(columns)


def linear(
    x: Float[Array, "R D"],
    kernel: Float[Array, "D E"] | Int8,
    bias: Float[Array, " E"],
    *,
    norm: Norm | None = None,
    gelu: bool = False,
    residual: Float[Array, "R E"] | None = None,
) -> Float[Array, "R E"]:
    """residual + gelu(norm(x) kernel + bias), each of them only where it is asked for; sums are of float32.

    Args:
      x: rows as `padded` counts them.
    """
    (rows, inner), outer = x.shape, kernel.shape[1]
    columns = _columns(outer)
    matrix, column_scale = (kernel.values, kernel.scale) if isinstance(kernel, Int8) else (kernel, None)
    bytes_deep = rows * x.dtype.itemsize + columns * matrix.dtype.itemsize
    depth = _power_of_two(inner, SHARED // (STAGES * bytes_deep))
    tile = pl.BlockSpec((rows, columns), lambda i: (0, i))
    of_columns = pl.BlockSpec((columns,), lambda i: (i,))
    of_row = pl.BlockSpec((inner,), lambda i: (0,))
    given = {
        "x": (x, pl.BlockSpec((rows, inner), lambda i: (0, 0))),
        "matrix": (matrix, pl.BlockSpec((inner, columns), lambda i: (0, i))),
        "bias": (bias, of_columns),
        "column_scale": (column_scale, of_columns),
        "norm_scale": (norm and norm.scale, of_row),
        "norm_bias": (norm and norm.bias, of_row),
        "residual": (residual, tile),
    }
    given = {name: pair for name, pair in given.items() if pair[0] is not None}
    arrays, specs = zip(*given.values(), strict=True)

    def program(*references: Any) -> None:
        named = dict(zip(given, references[:-1], strict=True))
        _linear(**named, out=references[-1], depth=depth, epsilon=norm and norm.epsilon, gelu=gelu)

    return pl.pallas_call(
        program,
        grid=(outer // columns,),
        in_specs=list(specs),
        out_specs=tile,
        out_shape=jax.ShapeDtypeStruct((rows, outer), x.dtype),
        compiler_params=_compiled(STAGES),
        name="linear",
    )(*arrays)


def _linear(
    x: Any,
    matrix: Any,
    bias: Any,
    out: Any,
    depth: int,
    epsilon: float | None,
    gelu: bool,
    norm_scale: Any = None,
    norm_bias: Any = None,
    column_scale: Any = None,
    residual: Any = None,
) -> None:
    """Some columns, all in references: the inner axis is gone through `depth` numbers at a time."""
    rows, inner = x.shape

    def deep(i: Int[Array, ""]) -> Any:
        return pl.ds(i * depth, depth)

    def over_pieces(add: Any, start: Array) -> Array:
        return jax.lax.fori_loop(0, inner // depth, lambda i, total: total + add(i), start)

    def rows_of(i: Int[Array, ""]) -> Float[Array, "R C"]:
        return x[:, deep(i)].astype(jnp.float32)

    zeros = jnp.zeros(rows, jnp.float32)
    if epsilon is not None:
        mean = over_pieces(lambda i: jnp.sum(rows_of(i), axis=1), zeros)[:, None] / inner
        variance = over_pieces(lambda i: jnp.sum((rows_of(i) - mean) ** 2, axis=1), zeros)[:, None] / inner
        deviation = jax.lax.rsqrt(variance + epsilon)

    def product(i: Int[Array, ""]) -> Float[Array, "R C"]:
        piece = x[:, deep(i)]
        if epsilon is not None:
            scale, shift = (row[deep(i)].astype(jnp.float32)[None] for row in (norm_scale, norm_bias))
            piece = ((rows_of(i) - mean) * deviation * scale + shift).astype(x.dtype)
        weights = matrix[deep(i), :].astype(x.dtype)
        return jnp.dot(piece, weights, precision=jax.lax.Precision.HIGHEST, preferred_element_type=jnp.float32)

    y = over_pieces(product, jnp.zeros(out.shape, jnp.float32))
    if column_scale is not None:
        y = y * column_scale[:].astype(jnp.float32)[None]
    y = y + bias[:].astype(jnp.float32)[None]
    if gelu:
        y = gelu_tanh(y)
    if residual is not None:
        y = y + residual[:, :].astype(jnp.float32)
    out[:, :] = y.astype(out.dtype)


def attend(
    qkv: Float[Array, "R E"],
    prefix: KVCache,
    generated: KVCache,
    offset: Int[Array, ""],
    seen: Bool[Array, "B W S"],
) -> tuple[Float[Array, "R D"], KVCache]:
    """Attention of W beams of B requests to prefix, generated slots and themselves, whom it remembers.

    Args:
      qkv: [q | k | v] of beam w of request b in row b * W + w; rows behind are padding.
      generated: slots, of which those from `offset` on are free; the W first of these are written, in place.
      seen: which positions of the prefix and which slots a beam attends to. Of the free slots that is its own.
    Returns:
      The heads side by side, 0 in the rows of padding, and the memory.
    """
    batch, beams, _ = seen.shape
    groups, head_dim, positions = prefix.keys.shape
    heads, slots, rows = groups // batch, generated.keys.shape[2], len(qkv)

    def of_group(*shape: int) -> pl.BlockSpec:
        return pl.BlockSpec((None, *shape), lambda g: (g, 0, 0))

    def whole(*shape: int) -> pl.BlockSpec:
        return pl.BlockSpec(shape, lambda g: (0,) * len(shape))

    of_memory = [of_group(head_dim, slots), of_group(slots, head_dim)]
    mixed, keys, values = pl.pallas_call(
        functools.partial(_attend, heads=heads, used_rows=batch * beams),
        grid=(groups,),
        in_specs=[
            whole(1),
            whole(*qkv.shape),
            pl.BlockSpec((None, beams, positions + slots), lambda g: (g // heads, 0, 0)),
            of_group(head_dim, positions),
            of_group(positions, head_dim),
            *of_memory,
        ],
        out_specs=[whole(rows, heads * head_dim), *of_memory],
        out_shape=[
            jax.ShapeDtypeStruct((rows, heads * head_dim), qkv.dtype),
            *(jax.ShapeDtypeStruct(memory.shape, memory.dtype) for memory in generated),
        ],
        input_output_aliases={5: 1, 6: 2},
        compiler_params=_compiled(stages=1),
        name="attend",
    )(offset[None], qkv, seen, *prefix, *generated)
    return mixed, KVCache(keys, values)


class _Mixture(NamedTuple):
    """The mean of values weighted by the softmax of scores, of as many as were seen."""

    highest: Float[Array, ""]
    total: Float[Array, ""]
    mixed: Float[Array, " K"]

    def and_of(self, scores: Float[Array, " S"], values: Float[Array, "S K"]) -> "_Mixture":
        highest = jnp.maximum(self.highest, jnp.max(scores))
        weights, kept = jnp.exp(scores - highest), jnp.exp(self.highest - highest)
        mixed = self.mixed * kept + jnp.sum(weights[:, None] * values, axis=0)
        return _Mixture(highest, self.total * kept + jnp.sum(weights), mixed)


def _attend(
    offset: Any,
    qkv: Any,
    seen: Any,
    prefix_keys: Any,
    prefix_values: Any,
    keys: Any,
    values: Any,
    out: Any,
    new_keys: Any,
    new_values: Any,
    heads: int,
    used_rows: int,
) -> None:
    """One head of the beams of one request, all in references."""
    (head_dim, positions), beams = prefix_keys.shape, len(seen)
    request, head = pl.program_id(0) // heads, pl.program_id(0) % heads
    rows = [request * beams + beam for beam in range(beams)]
    query, key, value = (
        [qkv[row, pl.ds((part * heads + head) * head_dim, head_dim)].astype(jnp.float32) for row in rows]
        for part in range(3)
    )
    scale, free = head_dim**-0.5, offset[0]

    def through(keys: Any, values: Any, first: int, many: Int[Array, ""] | int, mixtures: list[_Mixture]) -> Any:
        """The mixtures with `many` keys and values more, which a beam sees according to `seen` from `first` on."""
        size = _power_of_two(keys.shape[1], SLOTS)

        def block(i: Int[Array, ""], mixtures: list[_Mixture]) -> list[_Mixture]:
            here = pl.ds(i * size, size)
            some_keys, some_values = keys[:, here].astype(jnp.float32), values[here, :].astype(jnp.float32)
            inside = i * size + jnp.arange(size) < many
            for beam, mixture in enumerate(mixtures):
                scores = jnp.sum(query[beam][:, None] * some_keys, axis=0) * scale
                visible = inside & seen[beam, pl.ds(first + i * size, size)]
                mixtures[beam] = mixture.and_of(jnp.where(visible, scores, -jnp.inf), some_values)
            return mixtures

        return jax.lax.fori_loop(0, pl.cdiv(many, size), block, mixtures)

    mixtures = [  # itself, so that no mixture is empty
        _Mixture(jnp.sum(query[beam] * key[beam]) * scale, jnp.ones((), jnp.float32), value[beam])
        for beam in range(beams)
    ]
    mixtures = through(prefix_keys, prefix_values, 0, positions, mixtures)
    mixtures = through(keys, values, positions, free, mixtures)
    own = pl.ds(head * head_dim, head_dim)
    for beam, mixture in enumerate(mixtures):
        out[rows[beam], own] = (mixture.mixed / mixture.total).astype(out.dtype)
        new_keys[:, free + beam] = key[beam].astype(new_keys.dtype)
        new_values[free + beam, :] = value[beam].astype(new_values.dtype)

    @pl.when(request == 0)
    def _() -> None:
        for row in range(used_rows, len(out)):
            out[row, own] = jnp.zeros(head_dim, out.dtype)


def _compiled(stages: int) -> Any:
    from jax.experimental.pallas import triton  # deprecated in 0.11: only where it is used

    return triton.CompilerParams(num_warps=4, num_stages=stages)


def _power_of_two(number: int, most: int) -> int:
    """The largest one up to `most` that divides the number."""
    return min(number & -number, 1 << (most.bit_length() - 1))


def _columns(outer: int) -> int:
    """How many a program takes."""
    columns = _power_of_two(outer, COLUMNS)
    while columns > ROWS and outer // columns < PROGRAMS:
        columns //= 2
    return columns
