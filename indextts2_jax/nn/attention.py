"""Attention, the same numbers in three ways.

    few scores                       as it is written
    many scores, on a CPU            head by head and by blocks of queries, so that a block's scores stay in the cache
    half precision, on an NVIDIA GPU cuDNN's fused kernel, which never writes the scores down

The scores of 35 seconds of speech in the velocity network are 600 MB, several times over; nothing else of a synthesis
is nearly as large.
"""

import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Float, Int, Shaped
from indextts2_jax.nn.platform import platform

MANY = 2**22
"""Scores of one call (16 MB) above which a CPU takes them by blocks."""

BLOCK = 2**20
"""Scores of a block (4 MB)."""


def attention(
    query: Float[Array, "B T H K"],
    key: Float[Array, "B S H K"],
    value: Float[Array, "B S H K"],
    *,
    mask: Bool[Array, " B #H #T S"] | None = None,
    bias: Float[Array, "#B H T S"] | None = None,
    scale: float,
) -> Float[Array, "B T H K"]:
    """softmax((query . key + bias) * scale) . value, the softmax in float32; masked keys get no weight.

    `bias` is added before the scaling: the relative terms of the published encoders are scaled too.
    """
    backend = platform()
    if backend == "gpu" and bias is None and mask is not None and _fits_cudnn(query, key):
        whole = jnp.broadcast_to(mask, (*mask.shape[:2], query.shape[1], key.shape[1]))  # cuDNN takes no broadcast rows
        return jax.nn.dot_product_attention(query, key, value, mask=whole, scale=scale, implementation="cudnn")
    scores = query.shape[0] * query.shape[2] * query.shape[1] * key.shape[1]
    if backend == "cpu" and scores > MANY:
        return _by_blocks(query, key, value, mask, bias, scale, max(1, BLOCK // key.shape[1]))
    return _plain(query, key, value, mask, bias, scale)


def _fits_cudnn(query: Float[Array, "B T H K"], key: Float[Array, "B S H K"]) -> bool:
    """Half precision and the sizes that its kernel surely takes; the velocity network's are so."""
    half = query.dtype in (jnp.float16, jnp.bfloat16)
    return half and query.shape[1] % 8 == 0 and key.shape[1] % 8 == 0 and query.shape[3] in (64, 128)


def _plain(
    query: Float[Array, "B T H K"],
    key: Float[Array, "B S H K"],
    value: Float[Array, "B S H K"],
    mask: Bool[Array, " B #H #T S"] | None,
    bias: Float[Array, "#B H T S"] | None,
    scale: float,
) -> Float[Array, "B T H K"]:
    scores = jnp.einsum("BTHK,BSHK->BHTS", query, key, preferred_element_type=jnp.float32)
    weights, total = _weights(scores, mask, bias, scale)
    mixed = jnp.einsum("BHTS,BSHK->BTHK", weights.astype(value.dtype), value, preferred_element_type=jnp.float32)
    return (mixed / jnp.moveaxis(total, 1, 2)).astype(value.dtype)


def _weights(
    scores: Float[Array, "*heads T S"],
    mask: Bool[Array, "*#heads #T S"] | None,
    bias: Float[Array, "*#heads T S"] | None,
    scale: float,
) -> tuple[Float[Array, "*heads T S"], Float[Array, "*heads T 1"]]:
    """Weights not yet divided by their sum, and the sum: to be divided behind the product with the values, which is the
    smaller array, so that the scores are gone through once less."""
    if bias is not None:
        scores = scores + bias
    scores = scores * scale
    if mask is not None:
        scores = jnp.where(mask, scores, jnp.finfo(jnp.float32).min)
    weights = jnp.exp(scores - jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True)))
    return weights, jnp.sum(weights, axis=-1, keepdims=True)


def _by_blocks(
    query: Float[Array, "B T H K"],
    key: Float[Array, "B S H K"],
    value: Float[Array, "B S H K"],
    mask: Bool[Array, " B #H #T S"] | None,
    bias: Float[Array, "#B H T S"] | None,
    scale: float,
    size: int,
) -> Float[Array, "B T H K"]:
    """A head at a time, and of it `size` queries. Rows of scores do not depend on one another, so no number changes."""
    batch, queries, heads, width = query.shape
    blocks = -(-queries // size)
    size = -(-queries // blocks)  # equal blocks, hardly padded
    behind = blocks * size - queries

    def of_block(
        x: Shaped[Array, "#B #H #T S"] | None, head: Int[Array, ""], begin: Int[Array, ""]
    ) -> Shaped[Array, "_ S"] | None:
        if x is None:
            return None
        at = (head // heads, head % heads, begin)
        for axis, (start, length) in enumerate(zip(at, (1, 1, size), strict=True)):
            if x.shape[axis] > 1:  # else the same for all
                x = jax.lax.dynamic_slice_in_dim(x, start, length, axis)
        return x[0, 0]

    def one_head(inputs: tuple[Array, ...]) -> Float[Array, "T K"]:  # (its number, queries, keys, values)
        head, query, key, value = inputs

        def block(begin: Int[Array, ""]) -> Float[Array, "T K"]:
            own = jax.lax.dynamic_slice_in_dim(query, begin, size)
            scores = jnp.matmul(own, key, preferred_element_type=jnp.float32)
            weights, total = _weights(scores, of_block(mask, head, begin), of_block(bias, head, begin), scale)
            mixed = jnp.matmul(weights.astype(value.dtype), value, preferred_element_type=jnp.float32)
            return (mixed / total).astype(value.dtype)

        return jax.lax.map(block, size * jnp.arange(blocks)).reshape(-1, width)

    def padded(x: Shaped[Array, "..."], axis: int) -> Shaped[Array, "..."]:
        return jnp.pad(x, [(0, behind if i == axis else 0) for i in range(x.ndim)])

    mask, bias = (x if x is None or x.shape[2] == 1 else padded(x, 2) for x in (mask, bias))
    by_head = [
        jnp.einsum("BTHK->BHTK", padded(query, 1)),
        jnp.einsum("BSHK->BHKS", key),  # turned once, for all blocks
        jnp.einsum("BSHK->BHSK", value),
    ]
    rows = (x.reshape(batch * heads, *x.shape[2:]) for x in by_head)
    out = jax.lax.map(one_head, (jnp.arange(batch * heads), *rows))
    return jnp.moveaxis(out.reshape(batch, heads, -1, width), 1, 2)[:, :queries]
