"""The decoder for requests that come and go: rows, each with a step, slots and an end of its own.

    begin ─► (prefix, state) of one request ─ put ─► row r of R ─ run ─► ... ─ take ─► finish

A step is that of `decode.py`, and R rows are always computed, empty ones too: XLA orders the sums of a product by its
shape, so what a row holds depends on nothing but its own request. A row that has ended, reached its `until` or filled
its slots stops the loop, for the host has something to do then. Rows share the number of their slots: one that needs
more moves to rows that have more, whoever stands beside it.
"""

import functools
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from indextts2_jax.array_typing import Array, Bool, Int, Key, Params, Shaped
from indextts2_jax.config import DecodeConfig, GptConfig
from indextts2_jax.gpt import decode as one
from indextts2_jax.gpt.decode import DecodeState
from indextts2_jax.gpt.kv_cache import KVCache
from indextts2_jax.gpt.speech_lm import PrefixCache

T = TypeVar("T")


class Rows(NamedTuple):
    """Requests side by side, or one: what is read of each, and what changes."""

    prefix: PrefixCache
    keys: Key[Array, " B"] | None  # where codes are drawn
    state: DecodeState


def empty(like: Rows, count: int) -> Rows:
    """So many rows without a request, of the sizes of one."""
    own = like._replace(state=like.state._replace(step=like.state.step[None], used=like.state.used[None]))
    made: Rows = jax.tree.map(lambda x: jnp.zeros((count * x.shape[0], *x.shape[1:]), x.dtype), own._replace(keys=None))
    return made if like.keys is None else made._replace(keys=jax.random.split(jax.random.key(0), count))


def fitted(prefix: PrefixCache, size: int) -> PrefixCache:
    """The same with room for `size` positions; nobody sees those behind."""
    behind = size - prefix.valid.shape[1]

    def padded(x: Shaped[Array, "..."], axis: int) -> Shaped[Array, "..."]:
        return jnp.pad(x, [(0, behind if i == axis else 0) for i in range(x.ndim)])

    layers = tuple(KVCache(padded(memory.keys, 2), padded(memory.values, 1)) for memory in prefix.layers)
    return PrefixCache(layers, padded(prefix.valid, 1))


@functools.partial(jax.jit, donate_argnums=0)
def put(rows: Rows, row: Int[Array, ""], one: Rows) -> Rows:
    """The same with a request in a row, in place."""
    own = one._replace(state=one.state._replace(step=one.state.step[None], used=one.state.used[None]))

    def write(every: Shaped[Array, "..."], new: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        return jax.lax.dynamic_update_slice_in_dim(every, new, row * len(new), axis=0)

    return jax.tree.map(write, rows, own)


@functools.partial(jax.jit, static_argnums=2)
def take(rows: Rows, row: Int[Array, ""], count: int) -> Rows:
    """The request in one of `count` rows."""
    prefix, keys = _row((rows.prefix, rows.keys), row, count)
    return Rows(prefix, keys, state_of(rows.state, row, count))


@functools.partial(jax.jit, static_argnums=2)
def state_of(state: DecodeState, row: Int[Array, ""], count: int) -> DecodeState:
    """What has become of the request in one of `count` rows."""
    own: DecodeState = _row(state, row, count)
    return own._replace(step=own.step[0], used=own.used[0])


def _row(arrays: T, row: Int[Array, ""], count: int) -> T:
    def read(every: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        size = len(every) // count
        return jax.lax.dynamic_slice_in_dim(every, row * size, size, axis=0)

    own: T = jax.tree.map(read, arrays)
    return own


def has_room(state: DecodeState, beams: int) -> Bool[Array, "*B"]:
    """Whether a row can take another step: rows that cannot still write, behind what they have."""
    room: Bool[Array, "*B"] = state.used <= state.visible.shape[-1] - 2 * beams
    return room


@functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=5)
def run(
    config: GptConfig,
    decode: DecodeConfig,
    params: Params,
    until: Int[Array, " B"],
    steps: Int[Array, ""],
    rows: Rows,
) -> Rows:
    """At most so many steps of all rows that have something to do; fewer when one of them has no longer.

    Args:
      decode: its limit on codes is not read, and must be one number for all that are to share a program.
      until: how many codes of each row are wanted; 0 where it is empty.
    """

    def busy(state: DecodeState) -> Bool[Array, " B"]:
        return (state.step < until) & ~state.done & has_room(state, decode.num_beams)

    at_first = busy(rows.state)

    def unfinished(carry: tuple[Int[Array, ""], DecodeState]) -> Bool[Array, ""]:
        made, state = carry
        return (made < steps) & jnp.all(busy(state) | ~at_first)

    def step(carry: tuple[Int[Array, ""], DecodeState]) -> tuple[Int[Array, ""], DecodeState]:
        made, state = carry
        moved = one.advance(config, decode, False, params, rows.prefix, rows.keys, state)

        def kept(new: Shaped[Array, "B ..."], old: Shaped[Array, "B ..."]) -> Shaped[Array, "B ..."]:
            return jnp.where(at_first.reshape(-1, *[1] * (new.ndim - 1)), new, old)

        # A row that waits is computed too, but stays as it is; what it has written lies behind what it has.
        others = [own._replace(codes=own.step, parents=own.step, generated=()) for own in (moved, state)]
        still: DecodeState = jax.tree.map(kept, *others)
        return made + 1, still._replace(codes=moved.codes, parents=moved.parents, generated=moved.generated)

    _, state = jax.lax.while_loop(unfinished, step, (jnp.int32(0), rows.state))
    return rows._replace(state=state)
