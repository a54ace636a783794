"""Greedy generation: one `lax.while_loop` over an immutable state, all of it on the device.

    prompt ─ Qwen ─► logits ─ argmax ─► State ─┐
                        ▲                      │   until every request has ended or the state is full
                        └─────── Qwen ◄────────┘

As in gpt/decode.py the arrays grow by buckets: the loop stops when one is full, the host pads the arrays and goes on.
Source: `generate` of transformers without sampling, which is what the published settings amount to.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import AnyArray, Array, Bool, Float, Int, Lengths, Params, Shaped
from indextts2_jax.config import QwenConfig
from indextts2_jax.emotion_text.qwen import KVCache, Qwen, empty_cache
from indextts2_jax.nn.trusted import trusted_parameters

BUCKETS = (128, 256, 512, 1024)
"""Tokens there is room for. An answer with all eight emotions has about eighty."""


class Answers(NamedTuple):
    """Generated tokens."""

    tokens: Int[np.ndarray, "B L"]  # what stands behind an answer's end means nothing
    lengths: Int[np.ndarray, " B"]  # tokens before the stop token
    stopped: Bool[np.ndarray, " B"]  # False where the limit cut the answer off


class State(NamedTuple):
    """Everything that changes from step to step."""

    step: Int[Array, ""]  # tokens chosen so far, the same for all requests
    tokens: Int[Array, "B L"]  # there is room for L
    done: Bool[Array, " B"]
    memory: tuple[KVCache, ...]  # of prompt and answer


def generate(
    params: Params, config: QwenConfig, ids: Int[AnyArray, "B L"], lengths: Int[AnyArray, " B"], limit: int
) -> Answers:
    """The likeliest next token, again and again.

    Args:
      params: of `Qwen`; their dtype is the dtype of the computation.
      ids: prompts, padded on the right.
      lengths: their true lengths, at least 1.
      limit: the most tokens of an answer.
    """
    sizes = iter([*(size for size in BUCKETS if size < limit), limit])
    with jax.default_matmul_precision("highest"):
        state = _begin(config, next(sizes), params, ids, lengths)
        while True:
            state = _run(config, params, lengths, state)
            if int(state.step) == limit or bool(state.done.all()):
                break
            state = _grow(state, next(sizes))
    tokens = np.asarray(state.tokens)[:, : int(state.step)]
    ends = np.isin(tokens, config.stop_tokens)
    stopped = np.asarray(ends.any(axis=1))
    return Answers(tokens, np.where(stopped, ends.argmax(axis=1), tokens.shape[1]), stopped)


def _apply(config: QwenConfig, params: Params, *inputs: Any, method: str | None = None) -> Any:
    dtype = params["embedding"]["embedding"].dtype
    with trusted_parameters():
        return Qwen(config, dtype=dtype, param_dtype=dtype).apply({"params": params}, *inputs, method=method)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _begin(config: QwenConfig, size: int, params: Params, ids: Int[Array, "B L"], lengths: Lengths) -> State:
    """Reads the prompts and chooses the first tokens; the state has room for `size` tokens."""
    batch, prompt = ids.shape
    dtype = params["embedding"]["embedding"].dtype
    start, memory = jnp.zeros(batch, jnp.int32), empty_cache(config, batch, prompt + size, dtype)
    hidden, memory = _apply(config, params, ids, start, memory)
    last = jnp.take_along_axis(hidden, lengths[:, None, None] - 1, axis=1)[:, 0]
    state = State(start[0], jnp.zeros((batch, size), jnp.int32), jnp.zeros(batch, bool), memory)
    return _choose(config, params, state, last)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=3)
def _run(config: QwenConfig, params: Params, lengths: Lengths, state: State) -> State:
    """Steps until all requests have ended or the state is full."""

    def unfinished(state: State) -> Bool[Array, ""]:
        return (state.step < state.tokens.shape[1]) & ~jnp.all(state.done)

    def advance(state: State) -> State:
        last = jax.lax.dynamic_slice_in_dim(state.tokens, state.step - 1, 1, axis=1)
        hidden, memory = _apply(config, params, last, lengths + state.step - 1, state.memory)
        return _choose(config, params, state._replace(memory=memory), hidden[:, 0])

    return jax.lax.while_loop(unfinished, advance, state)


def _choose(config: QwenConfig, params: Params, state: State, hidden: Float[Array, "B D"]) -> State:
    """Appends the likeliest next token of every request."""
    logits = _apply(config, params, hidden, method="logits")
    chosen = jnp.argmax(logits, axis=-1).astype(jnp.int32)
    return state._replace(
        step=state.step + 1,
        tokens=jax.lax.dynamic_update_slice_in_dim(state.tokens, chosen[:, None], state.step, axis=1),
        done=state.done | jnp.isin(chosen, jnp.array(config.stop_tokens)),
    )


@functools.partial(jax.jit, static_argnums=1)
def _grow(state: State, size: int) -> State:
    """The same state with room for `size` tokens."""
    more = size - state.tokens.shape[1]

    def pad(x: Shaped[Array, "..."], axis: int) -> Shaped[Array, "..."]:
        return jnp.pad(x, [(0, more if i == axis else 0) for i in range(x.ndim)])

    memory = tuple(KVCache(pad(m.keys, 3), pad(m.values, 2)) for m in state.memory)
    return state._replace(tokens=pad(state.tokens, 1), memory=memory)
