"""From the scores of the next code to the codes that may follow: repetition penalty, temperature, top-k, top-p, draw.

Everything works on one request: scores [W, V] of its W beams. Source: the logits processors of transformers 4.52.1
(`RepetitionPenalty`, `Temperature`, `TopK`, `TopP`, in this order) and `_beam_search`, `_sample` in
indextts/gpt/transformers_generation_utils.py.

Departure: the start token is a code for which the codec has no row; upstream can choose it and then fails. Here it is
forbidden, after the penalty. With beams it keeps its share of the softmax behind the log probabilities, so all other
scores are upstream's; and since it is in every history from the start, with its log probability times ten, it would
not have come near the top k anyway.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Bool, Float, Float32, Int
from indextts2_jax.config import DecodeConfig

TIES = 16
"""All codes with exactly the score of the k-th best survive top-k. Up to so many beyond k are looked for; float32
scores of a trained model never tie in such numbers."""

LOG_ZERO = -103.97
"""log of the smallest float32 that does not round to 0: below it upstream's probability is 0, never to be drawn."""


class Candidates(NamedTuple):
    """Continuations of one request, best first: accumulated score, the beam continued, and the code."""

    scores: Float[Array, " N"]
    beams: Int[Array, " N"]
    codes: Int[Array, " N"]


def penalise(
    scores: Float[Array, "W V"], history: Bool[Array, "W V"], penalty: float, start_token: int
) -> Float[Array, "W V"]:
    """Makes every code of the history less likely by a factor, once however often it occurred; forbids the start."""
    scores = jnp.where(history, jnp.where(scores < 0, scores * penalty, scores / penalty), scores)
    return scores.at[:, start_token].set(-jnp.inf)


def _top_k(scores: Float[Array, "... V"], size: int) -> tuple[Float[Array, "... {size}"], Int[Array, "... {size}"]]:
    """The best, of equal ones the first. Without the barrier XLA merges slices of the result into it and then sorts
    everything: 3 ms instead of 0.05 ms on a CPU."""
    values, places = jax.lax.optimization_barrier(jax.lax.top_k(scores, size))
    return values, places


def survivors(
    scores: Float[Array, "W V"], decode: DecodeConfig, keep: int
) -> tuple[Float[Array, "W N"], Int[Array, "W N"]]:
    """Temperature, top-k and top-p; at least `keep` codes a beam survive.

    Only the top of the ranking is sorted: N is top_k plus `TIES`, or V where top_k is 0.

    Returns:
      Scores in ascending order, -inf where dropped, and their codes.
    """
    vocab = scores.shape[-1]
    top_k = min(max(decode.top_k, keep), vocab) if decode.top_k else vocab
    # Reversed, because upstream sorts upwards and lower codes first among equals, and top_k does the opposite of both.
    values, places = _top_k((scores / decode.temperature)[:, ::-1], min(top_k + TIES, vocab))
    values, codes = values[:, ::-1], vocab - 1 - places[:, ::-1]
    values = jnp.where(values < values[:, -top_k, None], -jnp.inf, values)
    if decode.top_p < 1.0:
        cumulative = jnp.cumsum(jax.nn.softmax(values, axis=-1), axis=-1)
        values = jnp.where((cumulative <= 1.0 - decode.top_p).at[:, -keep:].set(False), -jnp.inf, values)
    return values, codes


def beam_search(scores: Float[Array, "W V"], totals: Float[Array, " W"]) -> Candidates:
    """The 2W best continuations of all beams together. `totals`: the accumulated scores of the beams."""
    beams, vocab = scores.shape
    best, places = _top_k((scores + totals[:, None]).reshape(-1), 2 * beams)
    return Candidates(best, places // vocab, places % vocab)


def beam_sample(
    scores: Float[Array, "W V"], totals: Float[Array, " W"], gumbel: Float[Array, " W*V"], decode: DecodeConfig
) -> Candidates:
    """2W continuations drawn without replacement from softmax(scores + totals) over all beams together.

    Drawing without replacement is taking the largest of log p + Gumbel noise; `gumbel` has one number for each code
    of each beam. Fewer than 2W codes may have a probability (a beam's competitors are often 100 nats behind);
    upstream then draws zero-probability fillers with the lowest indices. They come last, are no stop tokens and lead
    to beams that nothing can revive, so here they are given the score -inf and code 0.
    """
    beams, vocab = scores.shape
    values, codes = survivors(scores, decode, keep=2)
    joint = (values + totals[:, None]).reshape(-1)
    log_p = joint - jax.nn.logsumexp(joint)
    noise = gumbel.reshape(beams, vocab)[jnp.arange(beams)[:, None], codes].reshape(-1)
    drawn, places = _top_k(jnp.where(log_p > LOG_ZERO, log_p + noise, -jnp.inf), 2 * beams)
    filler = jnp.isneginf(drawn)
    totals = jnp.where(filler, -jnp.inf, joint[places])
    order = jnp.argsort(totals, descending=True, stable=True)
    places, filler = places[order], filler[order]
    return Candidates(
        totals[order],
        jnp.where(filler, 0, places // values.shape[1]),
        jnp.where(filler, 0, codes.reshape(-1)[places]),
    )


def greedy(scores: Float[Array, "1 V"], total: Float[Array, "1"]) -> Candidates:
    """The best code of the only beam; the score adds its log probability."""
    code = jnp.argmax(scores, axis=-1)
    return Candidates(total + jax.nn.log_softmax(scores, axis=-1)[0, code], jnp.zeros_like(code), code)


def sample(
    scores: Float[Array, "1 V"], total: Float[Array, "1"], gumbel: Float[Array, " V"], decode: DecodeConfig
) -> Candidates:
    """One code drawn for the only beam; the score adds its log probability among the survivors."""
    values, codes = survivors(scores, decode, keep=1)
    log_p = jax.nn.log_softmax(values, axis=-1)[0]
    place = jnp.argmax(log_p + gumbel[codes[0]])[None]
    return Candidates(total + log_p[place], jnp.zeros_like(place), codes[0, place])


def candidates(
    scores: Float[Array, "W V"], totals: Float[Array, " W"], gumbel: Float[Array, " W*V"] | None, decode: DecodeConfig
) -> Candidates:
    """The 2W candidates of W beams, or the one of a single beam; `gumbel` is needed where `decode` samples."""
    if decode.do_sample:
        assert gumbel is not None
        method = beam_sample if decode.num_beams > 1 else sample
        return method(scores, totals, gumbel, decode)
    return beam_search(scores, totals) if decode.num_beams > 1 else greedy(scores, totals)


def replay_noise(noise_seed: int, steps: int, beams: int, vocab: int) -> Float32[np.ndarray, "{steps} {beams}*{vocab}"]:
    """Gumbel noise of a recorded run: counter-based, so step i does not depend on the others."""
    rows = np.empty((steps, beams * vocab), np.float32)
    for step in range(steps):
        uniform = np.random.Generator(np.random.Philox(key=[noise_seed, step])).random(beams * vocab)
        rows[step] = -np.log(-np.log(np.clip(uniform, 1e-12, 1 - 1e-12)))
    return rows
