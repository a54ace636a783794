"""Generation of semantic codes: one `lax.while_loop` over an immutable state and a pure step.

    prefix ─ prefill ─► scores ─► choose ─► DecodeState ─┐
                          ▲                              │   until every request has ended or the limit is reached
                          └──── SpeechLM.step ◄──────────┘

Greedy search, sampling, beam search and beam sampling differ only in `sampling.candidates`. Nothing is copied when
beams are reordered: every step appends its keys and values to slots of its own, and `visible` says which slots belong
to a beam's history. When the slots are full the loop stops, and the host drops those that no beam descends from any
more (with several beams that is most of them) and enlarges the memory where too few come free: a step costs what is
spoken, not what might be, and the result does not depend on where the loop stopped. Requests of a batch do not see each
other.

Source: `inference_speech` in indextts/gpt/model_v2.py and `_beam_search`, `_sample` in
indextts/gpt/transformers_generation_utils.py.
"""

import dataclasses
import functools
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import AnyArray, Array, Bool, Float, Int, Key, Lengths, Params
from indextts2_jax.config import DecodeConfig, GptConfig
from indextts2_jax.errors import ConfigError, TextError
from indextts2_jax.gpt import beam, kernels, kv_cache, sampling
from indextts2_jax.gpt.kv_cache import KVCache
from indextts2_jax.gpt.speech_lm import PrefixCache, SpeechLM
from indextts2_jax.nn.trusted import trusted_parameters

PLACEHOLDER = 1
"""Upstream stands this id for every prefix position, so the repetition penalty takes code 1 for spoken already."""

Noise: TypeAlias = Key[Array, " B"] | Float[Array, "B T WV"] | None
"""One key per request, or the Gumbel numbers of every step; None where nothing is drawn."""


class SpeechCodes(NamedTuple):
    """Generated semantic codes."""

    codes: Int[np.ndarray, "B T"]  # padded with the stop token
    lengths: Int[np.ndarray, " B"]  # codes before the stop token
    stopped: Bool[np.ndarray, " B"]  # False where the limit cut the speech off
    scores: Float[np.ndarray, " B"]
    """Of the chosen hypothesis: sums of processed log probabilities, not comparable across modes."""


class DecodeState(NamedTuple):
    """Everything that changes from step to step: T codes of W beams, keys and values in S slots."""

    step: Int[Array, "*B"]  # codes chosen so far: one number for all requests, or one each (`rows.py`)
    used: Int[Array, "*B"]  # slots written or passed over so far, likewise
    codes: Int[Array, "B T W"]  # log: the code chosen at each step for each beam ...
    parents: Int[Array, "B T W"]  # ... and the beam of the step before that it continues
    visible: Bool[Array, "B W S"]  # slots of a beam's history
    history: Bool[Array, "B W V"]  # codes that the repetition penalty strikes
    totals: Float[Array, "B W"]  # accumulated scores
    heap: beam.Hypotheses  # finished hypotheses
    done: Bool[Array, " B"]
    generated: tuple[KVCache, ...]  # keys and values of the S slots, per layer


def generate(
    params: Params,
    config: GptConfig,
    decode: DecodeConfig,
    conds: Float[AnyArray, "B P D"],
    text_ids: Int[AnyArray, "B L"],
    text_lengths: Int[AnyArray, " B"],
    *,
    keys: Key[Array, " B"] | None = None,
    noise: Float[AnyArray, "B T WV"] | None = None,
    on_code: Callable[[int, int], None] | None = None,
) -> SpeechCodes:
    """Semantic codes for one text segment per request.

    Args:
      params: of `SpeechLM`; their dtype is the dtype of the computation.
      conds: conditioning rows with the emotion added.
      text_ids: padded; without start and stop.
      keys: one key per request, needed to sample. The numbers drawn depend on the request's key and the step only,
        not on the batch or the buckets.
      noise: instead of `keys`, the Gumbel numbers of at least `decode.max_mel_tokens` steps (`replay_noise`).
      on_code: called by the host whenever the slots are full and at the end, with the codes so far and the limit.
    Raises:
      TextError: a segment is longer than the text positions of the model.
      ConfigError: `decode.max_mel_tokens` is larger than the code positions of the model.
      ValueError: sampling without exactly one of `keys` and `noise`.
    """
    for state in _states(params, config, decode, conds, text_ids, text_lengths, keys, noise):
        if on_code is not None:
            on_code(int(state.step), decode.max_mel_tokens)
    return finish(config, decode, state)


def stream(
    params: Params,
    config: GptConfig,
    decode: DecodeConfig,
    conds: Float[AnyArray, "1 P D"],
    text_ids: Int[AnyArray, "1 L"],
    text_lengths: Int[AnyArray, "1"],
    *,
    key: Key[Array, ""],
    stops: Callable[[int], int],
) -> Generator[Int[np.ndarray, " T"], None, SpeechCodes]:
    """The codes of one segment while they come: those that are settled, again and again, and at last as `generate`.

    Codes are settled when all that can still win agrees on them: at once with one beam, with several when all living
    beams and finished hypotheses descend from them.

    Args:
      key, and all others: as of `generate`.
      stops: from the number of codes chosen so far to the number at which to look next.
    Yields:
      The settled codes from the beginning, whenever there are more of them, but not those of the finished whole.
    """
    known = 0
    for state in _states(params, config, decode, conds, text_ids, text_lengths, key[None], None, stops):
        if not _ended(state, decode.max_mel_tokens):
            codes = settled(state)
            if len(codes) > known:
                known = len(codes)
                yield codes
    return finish(config, decode, state)


def settled(state: DecodeState) -> Int[np.ndarray, " T"]:
    """The codes that every living beam and finished hypothesis of the only request begins with."""
    codes, parents, reached = np.asarray(state.codes)[0], np.asarray(state.parents)[0], int(state.step)
    places = {int(length): set[int]() for length in np.asarray(state.heap.lengths)[0]}
    for place in range(int(state.heap.found[0])):
        places[int(state.heap.lengths[0, place])].add(int(state.heap.beams[0, place]))
    holders = set(range(codes.shape[1]))
    for length in range(reached, 0, -1):
        holders |= places.get(length, set())
        if len(holders) == 1 and not any(places.get(earlier) for earlier in range(length)):
            beams = np.array([*holders])
            return beam.backtrack(codes[None], parents[None], np.array([length]), beams, 0)[0]
        holders = {int(parents[length - 1, holder]) for holder in holders}
    return np.zeros(0, np.int32)


def _ended(state: DecodeState, limit: int) -> bool:
    return int(state.step) == limit or bool(state.done.all())


def _states(
    params: Params,
    config: GptConfig,
    decode: DecodeConfig,
    conds: Float[AnyArray, "B P D"],
    text_ids: Int[AnyArray, "B L"],
    text_lengths: Int[AnyArray, " B"],
    keys: Key[Array, " B"] | None,
    noise: Float[AnyArray, "B T WV"] | None,
    stops: Callable[[int], int] | None = None,
) -> Iterator[DecodeState]:
    """The state at every stop of the loop: where `stops` asks for one, where the slots were full, and at the end."""
    _check(config, decode, text_lengths, keys, noise)
    randomness = None
    if decode.do_sample:
        randomness = keys if noise is None else jnp.asarray(noise)
    limit = decode.max_mel_tokens
    rules = dataclasses.replace(decode, max_mel_tokens=0)  # an argument rather: another limit compiles nothing anew
    in_kernels = decode.kernels and kernels.chosen(params)
    size = kv_cache.first(decode.num_beams)
    prefix, state = begin(config, rules, size, params, conds, text_ids, text_lengths, randomness)
    while True:
        reached = int(state.step)
        until = min(limit, max(stops(reached), reached + 1)) if stops else limit
        state = _run(config, rules, in_kernels, params, prefix, randomness, np.int32(until), state)
        yield state
        if _ended(state, limit):
            return
        if int(state.step) < until:
            kept = int(kv_cache.descended_from(state.visible, state.done))
            size = kv_cache.room(kept, size, decode.num_beams)
            state = repack(state, kept, size)


def _check(
    config: GptConfig,
    decode: DecodeConfig,
    text_lengths: Int[AnyArray, " B"],
    keys: Key[Array, " B"] | None,
    noise: Float[AnyArray, "B T WV"] | None,
) -> None:
    longest = int(np.max(np.asarray(text_lengths)))
    if longest > config.max_text_tokens:
        raise TextError(
            f"A text segment has {longest} tokens, but the model reads at most {config.max_text_tokens}: "
            f"lower text.max_text_tokens_per_segment."
        )
    if decode.max_mel_tokens > config.max_mel_tokens:
        raise ConfigError(
            f"decode.max_mel_tokens is {decode.max_mel_tokens}, but the model speaks at most {config.max_mel_tokens}."
        )
    if decode.do_sample and (keys is None) == (noise is None):
        raise ValueError("Sampling needs either keys or noise.")
    if noise is not None and noise.shape[1] < decode.max_mel_tokens:
        raise ValueError(f"noise is for {noise.shape[1]} steps, but decode.max_mel_tokens is {decode.max_mel_tokens}.")


def _apply(config: GptConfig, params: Params, method: str, *inputs: Any, **how: Any) -> Any:
    dtype = params["code_head"]["kernel"].dtype
    with trusted_parameters():
        return SpeechLM(config, dtype=dtype, param_dtype=dtype).apply({"params": params}, *inputs, method=method, **how)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def begin(
    config: GptConfig,
    decode: DecodeConfig,
    size: int,
    params: Params,
    conds: Float[Array, "B P D"],
    text_ids: Int[Array, "B L"],
    text_lengths: Lengths,
    randomness: Noise,
) -> tuple[PrefixCache, DecodeState]:
    """Reads the prefix and chooses the first codes."""
    embeddings, lengths = _apply(config, params, "prefix", conds, text_ids, text_lengths, decode.keep_marks)
    prefix, logits = _apply(config, params, "prefill", embeddings, lengths)
    batch, beams, vocab = conds.shape[0], decode.num_beams, config.code_vocab
    head_dim, longest = config.width // config.heads, config.max_mel_tokens
    state = DecodeState(
        step=jnp.zeros((), jnp.int32),
        used=jnp.zeros((), jnp.int32),
        codes=jnp.zeros((batch, longest, beams), jnp.int32),
        parents=jnp.zeros((batch, longest, beams), jnp.int32),
        visible=jnp.zeros((batch, beams, size), bool),
        history=jnp.zeros((batch, beams, vocab), bool)
        .at[:, :, jnp.array([PLACEHOLDER, config.start_mel_token])]
        .set(True),
        # All beams start equal; only the first counts, or all would take the same codes.
        totals=jnp.full((batch, beams), -1e9, jnp.float32).at[:, 0].set(0.0),
        heap=jax.tree.map(lambda x: jnp.broadcast_to(x, (batch, *x.shape)), beam.empty(beams)),
        done=jnp.zeros((batch,), bool),
        generated=tuple(
            KVCache(
                jnp.zeros((batch * config.heads, head_dim, size), embeddings.dtype),
                jnp.zeros((batch * config.heads, size, head_dim), embeddings.dtype),
            )
            for _ in range(config.layers)
        ),
    )
    logits = jnp.broadcast_to(logits[:, None], (batch, beams, vocab))
    return prefix, choose(config, decode, randomness, state, logits)


@functools.partial(jax.jit, static_argnums=(0, 1, 2), donate_argnums=7)
def _run(
    config: GptConfig,
    decode: DecodeConfig,
    in_kernels: bool,
    params: Params,
    prefix: PrefixCache,
    randomness: Noise,
    limit: Int[Array, ""],
    state: DecodeState,
) -> DecodeState:
    """Steps until all requests have ended, the slots are full or `limit` codes are reached."""
    last = state.visible.shape[-1] - decode.num_beams

    def unfinished(state: DecodeState) -> Bool[Array, ""]:
        return (state.step < limit) & (state.used <= last) & ~jnp.all(state.done)

    step = functools.partial(advance, config, decode, in_kernels, params, prefix, randomness)
    return jax.lax.while_loop(unfinished, step, state)


def advance(
    config: GptConfig,
    decode: DecodeConfig,
    in_kernels: bool,
    params: Params,
    prefix: PrefixCache,
    randomness: Noise,
    state: DecodeState,
) -> DecodeState:
    """One step: reads the last code of every beam, then chooses the next.

    Args:
      in_kernels: by `gpt.kernels`, those of a GPU.
    """
    state, logits = read(config, decode, in_kernels, params, prefix, state)
    return choose(config, decode, randomness, state, logits)


def read(
    config: GptConfig, decode: DecodeConfig, in_kernels: bool, params: Params, prefix: PrefixCache, state: DecodeState
) -> tuple[DecodeState, Float[Array, "B W V"]]:
    """Reads the last code of every beam: the state with its keys and values, and the scores of all codes behind it."""
    last, used = state.step - 1, state.used
    visible = state.visible | kv_cache.own_slots(used, decode.num_beams, state.visible.shape[-1])
    given = (beam.logged(state.codes, last), last, prefix, state.generated, visible, used)
    how = {"in_kernels": in_kernels, "contiguous": decode.contiguous_positions}
    logits, generated = _apply(config, params, "step", *given, **how)
    return state._replace(visible=visible, generated=generated, used=used + decode.num_beams), logits


def choose(
    config: GptConfig, decode: DecodeConfig, randomness: Noise, state: DecodeState, logits: Float[Array, "B W V"]
) -> DecodeState:
    """Appends the next code of every beam and reorders what belongs to a beam."""
    # A quirk kept: with beams the penalty acts on log probabilities, with one beam on the raw logits.
    scores = jax.nn.log_softmax(logits, axis=-1) if decode.num_beams > 1 else logits
    noise = _gumbel(randomness, state.step, decode.num_beams * config.code_vocab)

    def one_request(
        step: Int[Array, ""],
        scores: Float[Array, "W V"],
        noise: Float[Array, " WV"] | None,
        visible: Bool[Array, "W S"],
        history: Bool[Array, "W V"],
        totals: Float[Array, " W"],
        heap: beam.Hypotheses,
        done: Bool[Array, ""],
    ) -> tuple[
        Bool[Array, "W S"],
        Bool[Array, "W V"],
        Float[Array, " W"],
        beam.Hypotheses,
        Bool[Array, ""],
        Int[Array, " W"],
        Int[Array, " W"],
    ]:
        scores = sampling.penalise(scores, history, decode.repetition_penalty, config.start_mel_token)
        ranked = sampling.candidates(scores, totals, noise, decode)
        heap, following, done = beam.advance(heap, ranked, step, done, decode.length_penalty, config.stop_mel_token)
        parents, codes = following.beams, following.codes
        history = history[parents] | (jnp.arange(config.code_vocab)[None] == codes[:, None])
        return visible[parents], history, following.scores, heap, done, parents, codes

    own = (scores, noise, state.visible, state.history, state.totals, state.heap, state.done)
    axes = (0 if state.step.ndim else None, *[0] * len(own))
    visible, history, totals, heap, done, parents, codes = jax.vmap(one_request, axes)(state.step, *own)
    return state._replace(
        step=state.step + 1,
        codes=beam.log(state.codes, codes, state.step),
        parents=beam.log(state.parents, parents, state.step),
        visible=visible,
        history=history,
        totals=totals,
        heap=heap,
        done=done,
    )


def _gumbel(randomness: Noise, step: Int[Array, "*B"], size: int) -> Float[Array, "B WV"] | None:
    if randomness is None:
        return None
    if not jnp.issubdtype(randomness.dtype, jax.dtypes.prng_key):
        return jax.lax.dynamic_index_in_dim(randomness, step, axis=1, keepdims=False)

    def one_request(key: Key[Array, ""], step: Int[Array, ""]) -> Float[Array, " WV"]:
        return jax.random.gumbel(jax.random.fold_in(key, step), (size,))

    return jax.vmap(one_request, (0, 0 if step.ndim else None))(randomness, step)


def repack(state: DecodeState, kept: int, size: int) -> DecodeState:
    """The same state in `size` slots; the old one's memory is gone."""
    visible, generated = kv_cache.repack(state.visible, state.generated, kept, size)
    return state._replace(used=jnp.int32(kept), visible=visible, generated=generated)


def finish(config: GptConfig, decode: DecodeConfig, state: DecodeState) -> SpeechCodes:
    """The best hypothesis of every request. The memory of the state is gone."""
    kv_cache.release(state.generated)
    best = _best(decode.length_penalty, state.heap, state.totals, state.step, state.done)
    scores, lengths, beams = map(np.asarray, best)
    codes = beam.backtrack(np.asarray(state.codes), np.asarray(state.parents), lengths, beams, config.stop_mel_token)
    # A hypothesis that met the stop token is shorter than the limit; one that did not fills it.
    return SpeechCodes(codes, lengths, lengths < decode.max_mel_tokens, scores)


@functools.partial(jax.jit, static_argnums=0)
def _best(
    length_penalty: float,
    heap: beam.Hypotheses,
    totals: Float[Array, "B W"],
    step: Int[Array, ""],
    done: Bool[Array, " B"],
) -> tuple[Float[Array, " B"], Int[Array, " B"], Int[Array, " B"]]:
    """(score, length, beam) of the best hypothesis of every request."""

    def one_request(
        heap: beam.Hypotheses, totals: Float[Array, " W"], done: Bool[Array, ""]
    ) -> tuple[Float[Array, ""], Int[Array, ""], Int[Array, ""]]:
        heap = beam.close(heap, totals, step, done, length_penalty)
        place = heap.best()
        return heap.scores[place], heap.lengths[place], heap.beams[place]

    return jax.vmap(one_request)(heap, totals, done)
