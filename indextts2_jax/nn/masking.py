"""Padding: every sequence has a length, and what lies behind it must never be seen."""

import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Float, Lengths, Mask


def length_mask(lengths: Lengths, size: int) -> Bool[Array, "B {size}"]:
    """True for the first `lengths[b]` of `size` positions."""
    return jnp.arange(size)[None, :] < lengths[:, None]


def zero_padding(x: Float[Array, "B T D"], mask: Mask) -> Float[Array, "B T D"]:
    """Zeroes the padded frames, so that a convolution sees at the true end what it would see at the array's end."""
    return jnp.where(mask[..., None], x, jnp.zeros((), x.dtype))


def masked_mean(x: Float[Array, "B T D"], mask: Mask) -> Float[Array, "B 1 D"]:
    """Mean over the valid frames."""
    count = jnp.sum(mask, axis=1).astype(x.dtype)[:, None, None]
    return jnp.sum(zero_padding(x, mask), axis=1, keepdims=True) / count
