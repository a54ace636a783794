"""Slots of the decoder's memory: how many there are, and which are kept when all are full.

    visible [B W S] ─► descended_from ─► room ─► S' ─► repack ─► the kept ones in front, the others free

Every step appends the keys and values of its W beams. Most beams die out, and with them what only they had spoken: of
full slots those of several beams come free for the most part, so that in the end three beams need hardly more than one.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Bool, Float, Int, Shaped
from indextts2_jax.runtime.malloc import give_back_freed_memory


class KVCache(NamedTuple):
    """Keys and values of one layer, G = B * H of them, in the order in which the two products of `step` read them.

    With the reduced axis second to last neither product needs a transpose; on a CPU the order [B S H K] is seven times
    slower. The products of XLA have one batch axis: if the loop carried two, it would write every new key into a copy
    of all keys for each of the two shapes.
    """

    keys: Float[Array, "G K S"]
    values: Float[Array, "G S K"]


FIRST_SLOTS = {"one beam": 256, "beams": 128}
"""How many keys and values fit in at first. Every size compiles once (some seconds), and every step attends to all
slots: with 512, eight requests of three beams took a third longer."""

LARGEST_STEP = 512
"""Slots are doubled when needed, but by no more than this."""

SPARE = 4
"""At least a SPARE-th of the slots is free when the loop goes on: it would stop too often otherwise."""

LARGE = 2**28
"""Bytes. So much memory, some 20 seconds of speech, is given back to the system: in pieces of a layer's size it would
lie unused while flow matching and vocoder take theirs beside it."""


def first(beams: int) -> int:
    """How many slots to begin with."""
    return FIRST_SLOTS["beams" if beams > 1 else "one beam"]


def more(slots: int) -> int:
    """The next size."""
    return slots + min(slots, LARGEST_STEP)


def room(kept: int, slots: int, beams: int) -> int:
    """How many slots to go on with."""
    while slots - kept < max(slots // SPARE, beams):
        slots = more(slots)
    return slots


def own_slots(used: Int[Array, "*B"], beams: int, slots: int) -> Bool[Array, "_ {beams} {slots}"]:
    """Where each beam writes next: behind so many used slots, for all requests or for each."""
    if not used.ndim:
        own = used + jnp.arange(beams)
        return (jnp.arange(slots)[None] == own[:, None])[None]
    each = used[:, None] + jnp.arange(beams)[None]
    return jnp.arange(slots)[None, None] == each[:, :, None]


def written(memory: KVCache, new: KVCache, offset: Int[Array, "*B"]) -> KVCache:
    """The same with new slots written at `offset`, or at each request's own."""
    if not offset.ndim:
        return KVCache(
            jax.lax.dynamic_update_slice_in_dim(memory.keys, new.keys, offset, axis=2),
            jax.lax.dynamic_update_slice_in_dim(memory.values, new.values, offset, axis=1),
        )
    heads = len(new.keys) // len(offset)
    keys, values = memory
    for row in range(len(offset)):  # one by one, in place: a scatter is a loop on a CPU
        own = slice(row * heads, (row + 1) * heads)
        keys = jax.lax.dynamic_update_slice(keys, new.keys[own], (row * heads, 0, offset[row]))
        values = jax.lax.dynamic_update_slice(values, new.values[own], (row * heads, offset[row], 0))
    return KVCache(keys, values)


@jax.jit
def descended_from(visible: Bool[Array, "B W S"], done: Bool[Array, " B"]) -> Int[Array, ""]:
    """Slots that a living beam descends from, of the unfinished request with the most."""
    counts = jnp.sum(jnp.any(visible, axis=1), axis=1, dtype=jnp.int32)
    return jnp.max(jnp.where(done, 0, counts))


def repack(
    visible: Bool[Array, "B W S"], generated: tuple[KVCache, ...], kept: int, slots: int
) -> tuple[Bool[Array, "B W {slots}"], tuple[KVCache, ...]]:
    """The same in `slots` slots, those that a beam descends from moved to the front in their order.

    What a request that has ended would need beyond `kept` is dropped: nobody reads its scores any more. The old memory
    is gone, layer by layer: twice the whole memory would be a gigabyte after 20 seconds of speech.
    """
    places, seen = _places(visible, np.int32(kept), slots)
    packed = []
    for memory in generated:
        if slots == visible.shape[-1]:
            packed.append(_moved_in_place(memory, places, slots))
        else:
            packed.append(jax.block_until_ready(_moved(memory, places, slots)))  # or all layers would be taken at once
            _delete(memory)
    return seen, tuple(packed)


def release(generated: tuple[KVCache, ...]) -> None:
    """Deletes the memory of a search that has ended."""
    size = sum(array.nbytes for memory in generated for array in memory)
    for memory in generated:
        _delete(memory)
    if size > LARGE:
        give_back_freed_memory()


def _delete(memory: KVCache) -> None:
    for array in memory:
        array.delete()


@functools.partial(jax.jit, static_argnums=2)
def _places(
    visible: Bool[Array, "B W S"], kept: Int[Array, ""], slots: int
) -> tuple[Int[Array, "B min(S,{slots})"], Bool[Array, "B W {slots}"]]:
    """Where the slots of each request are taken from, and who sees them then."""
    places = jnp.argsort(~jnp.any(visible, axis=1), axis=1, stable=True)[:, :slots]
    return places, _take(visible, places, 2, slots) & (jnp.arange(slots) < kept)[None, None]


def _move(memory: KVCache, places: Int[Array, "B S"], slots: int) -> KVCache:
    def move(x: Float[Array, "G _ _"], axis: int) -> Float[Array, "G _ _"]:
        by_request = x.reshape(len(places), -1, *x.shape[1:])
        return _take(by_request, places, axis + 1, slots).reshape(len(x), *x.shape[1:axis], slots, *x.shape[axis + 1 :])

    return KVCache(move(memory.keys, 2), move(memory.values, 1))


_moved = jax.jit(_move, static_argnums=2)
_moved_in_place = jax.jit(_move, static_argnums=2, donate_argnums=0)


def _take(x: Shaped[Array, "B ..."], places: Int[Array, "B S"], axis: int, slots: int) -> Shaped[Array, "B ..."]:
    """Of each row of x its own places along an axis, padded to `slots`."""
    taken = jax.vmap(lambda row, own: jnp.take(row, own, axis=axis - 1))(x, places)
    return jnp.pad(taken, [(0, slots - taken.shape[axis] if i == axis else 0) for i in range(x.ndim)])
