"""Attention, the same numbers in three ways.

    few scores                       as it is written
    many scores, on a CPU            by blocks of queries, so that a block's scores stay in the cache
    half precision, on an NVIDIA GPU cuDNN's fused kernel, which never writes the scores down

The scores of 35 seconds of speech in the velocity network are 600 MB, several times over; nothing else of a synthesis
is nearly as large.
"""

import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Float

MANY = 2**22
"""Scores of one call (16 MB) above which a CPU takes them by blocks."""

BLOCK = 2**20
"""Scores of a block (4 MB)."""


def attention(
    query: Float[Array, "B T H K"],
    key: Float[Array, "B S H K"],
    value: Float[Array, "B S H K"],
    *,
    mask: Bool[Array, "B #H #T S"] | None = None,
    bias: Float[Array, "#B H T S"] | None = None,
    scale: float,
) -> Float[Array, "B T H K"]:
    """softmax((query . key + bias) * scale) . value, the softmax in float32; masked keys get no weight.

    `bias` is added before the scaling: the relative terms of the published encoders are scaled too.
    """
    backend = jax.default_backend()
    if backend == "gpu" and bias is None and mask is not None and _fits_cudnn(query, key):
        return jax.nn.dot_product_attention(query, key, value, mask=mask, scale=scale, implementation="cudnn")
    a_query = query.shape[0] * query.shape[2] * key.shape[1]  # scores
    if backend == "cpu" and a_query * query.shape[1] > MANY:
        return _by_blocks(query, key, value, mask, bias, scale, max(1, BLOCK // a_query))
    return _plain(query, key, value, mask, bias, scale)


def _fits_cudnn(query: Float[Array, "B T H K"], key: Float[Array, "B S H K"]) -> bool:
    """Half precision and the sizes that its kernel surely takes; the velocity network's are so."""
    half = query.dtype in (jnp.float16, jnp.bfloat16)
    return half and query.shape[1] % 8 == 0 and key.shape[1] % 8 == 0 and query.shape[3] in (64, 128)


def _plain(
    query: Float[Array, "B T H K"],
    key: Float[Array, "B S H K"],
    value: Float[Array, "B S H K"],
    mask: Bool[Array, "B #H #T S"] | None,
    bias: Float[Array, "#B H T S"] | None,
    scale: float,
) -> Float[Array, "B T H K"]:
    scores = jnp.einsum("BTHK,BSHK->BHTS", query, key, preferred_element_type=jnp.float32)
    if bias is not None:
        scores = scores + bias
    scores = scores * scale
    if mask is not None:
        scores = jnp.where(mask, scores, jnp.finfo(jnp.float32).min)
    weights = jnp.exp(scores - jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True)))
    mixed = jnp.einsum("BHTS,BSHK->BTHK", weights.astype(value.dtype), value, preferred_element_type=jnp.float32)
    # divided behind the product: it is the smaller array, and the scores are gone through once less
    total = jnp.moveaxis(jnp.sum(weights, axis=-1), 1, 2)[..., None]
    return (mixed / total).astype(value.dtype)


def _by_blocks(
    query: Float[Array, "B T H K"],
    key: Float[Array, "B S H K"],
    value: Float[Array, "B S H K"],
    mask: Bool[Array, "B #H #T S"] | None,
    bias: Float[Array, "#B H T S"] | None,
    scale: float,
    size: int,
) -> Float[Array, "B T H K"]:
    """`size` queries at a time. Rows of scores do not depend on one another, so this changes no number."""
    batch, queries, heads, width = query.shape
    blocks = -(-queries // size)

    def padded(x: Array, axis: int) -> Array:
        return jnp.pad(x, [(0, blocks * size - queries if i == axis else 0) for i in range(x.ndim)])

    def part(x: Array | None, begin: Array, axis: int) -> Array | None:
        if x is None or x.shape[axis] == 1:  # the same for all queries
            return x
        return jax.lax.dynamic_slice_in_dim(x, begin, size, axis)

    query = padded(query, 1)
    by_query = [x if x is None or x.shape[2] == 1 else padded(x, 2) for x in (mask, bias)]

    def block(begin: Array) -> Array:
        own = jax.lax.dynamic_slice_in_dim(query, begin, size, 1)
        own_mask, own_bias = (part(x, begin, 2) for x in by_query)
        return _plain(own, key, value, own_mask, own_bias, scale)

    out = jax.lax.map(block, size * jnp.arange(blocks))
    return jnp.moveaxis(out, 0, 1).reshape(batch, blocks * size, heads, width)[:, :queries]
