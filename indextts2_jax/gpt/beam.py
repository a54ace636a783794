"""Which hypotheses are finished, which beams go on: the bookkeeping of beam search for one request.

    Candidates, best first ──► advance ──► Hypotheses (a heap of W) and the W beams of the next step

Source: `BeamSearchScorer` and `BeamHypotheses` in indextts/gpt/transformers_beam_search.py. A hypothesis is not
copied when it ends: the decoder logs every code together with the beam that it continued, so a hypothesis is its last
place in that log. One beam uses the same bookkeeping, with a heap of one.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from indextts2_jax.array_typing import Array, Bool, Float, Int, Int32, Shaped
from indextts2_jax.gpt.sampling import Candidates


class Hypotheses(NamedTuple):
    """The best finished sequences of one request, or of each of a batch, in the order in which they were found."""

    scores: Float[Array, "*B W"]  # divided by length ** length_penalty
    lengths: Int[Array, "*B W"]  # codes, the stop token not counted
    beams: Int[Array, "*B W"]  # the beam that held the last code
    found: Int[Array, "*B"]  # how many of the W places are taken

    def worst(self) -> Float[Array, ""]:
        """The lowest score kept; upstream's 1e9 while there is none."""
        taken = jnp.arange(self.scores.shape[0]) < self.found
        return jnp.where(self.found > 0, jnp.min(jnp.where(taken, self.scores, jnp.inf)), 1e9)

    def best(self) -> Int[Array, ""]:
        """Place of the highest score; of equal ones the last found."""
        taken = jnp.arange(self.scores.shape[0]) < self.found
        newest_first = jnp.where(taken, self.scores, -jnp.inf)[::-1]
        return self.scores.shape[0] - 1 - jnp.argmax(newest_first)


def empty(beams: int) -> Hypotheses:
    whole = jnp.zeros((beams,), jnp.int32)
    return Hypotheses(jnp.zeros((beams,), jnp.float32), whole, whole, jnp.zeros((), jnp.int32))


def add(
    heap: Hypotheses,
    score: Float[Array, ""],
    length: Int[Array, ""],
    beam: Int[Array, ""],
    when: Bool[Array, ""],
) -> Hypotheses:
    """Adds a hypothesis if there is room or if it beats the worst, which then leaves (of equal ones the oldest)."""
    size = heap.scores.shape[0]
    full = heap.found == size
    accepted = when & (~full | (score > heap.worst()))
    places = jnp.arange(size)
    leaving = jnp.where(full, jnp.argmin(heap.scores), size)
    target = jnp.minimum(heap.found, size - 1)

    def put(column: Shaped[Array, " W"], value: Shaped[Array, ""]) -> Shaped[Array, " W"]:
        # selections only: they fuse, gathers and scatters would not
        moved_up = jnp.where(places >= leaving, jnp.roll(column, -1), column)
        return jnp.where(accepted, jnp.where(places == target, value, moved_up), column)

    return Hypotheses(
        put(heap.scores, score),
        put(heap.lengths, length),
        put(heap.beams, beam),
        jnp.where(accepted, jnp.minimum(heap.found + 1, size), heap.found),
    )


def advance(
    heap: Hypotheses,
    candidates: Candidates,
    step: Int[Array, ""],
    done: Bool[Array, ""],
    length_penalty: float,
    stop_token: int,
) -> tuple[Hypotheses, Candidates, Bool[Array, ""]]:
    """One step: candidates that stop become hypotheses, the best others are the next beams.

    Args:
      candidates: 2W of them, best first; for one beam just one, which goes on even if it stops (nobody reads it).
      step: number of codes before the candidates'.
      done: the request has ended already: its heap stays as it is.
    Returns:
      The heap, the W next beams, and whether the request has ended: the heap is full and no candidate of this step,
      not even one that stops, would beat its worst; or no beam is alive.
    """
    beams = heap.scores.shape[0]
    stops = candidates.codes == stop_token
    norm = (step + 1).astype(jnp.float32) ** length_penalty
    for rank in range(beams):  # a stop token ranked below W is ignored
        score, beam = candidates.scores[rank] / norm, candidates.beams[rank]
        heap = add(heap, score, step, beam, stops[rank] & ~done)
    ended = (heap.found == beams) & (heap.worst() >= candidates.scores[0] / norm)
    going_on = jnp.argsort(stops, stable=True)[:beams]
    following = Candidates(*(column[going_on] for column in candidates))
    # Upstream fails when every beam is dead; here the request ends with the hypotheses it has.
    return heap, following, done | ended | jnp.isneginf(following.scores[0])


def close(
    heap: Hypotheses, totals: Float[Array, " W"], length: Int[Array, ""], done: Bool[Array, ""], length_penalty: float
) -> Hypotheses:
    """Adds the beams that were still alive at the length limit, unless the request had ended before."""
    norm = length.astype(jnp.float32) ** length_penalty
    for beam in range(totals.shape[0]):
        heap = add(heap, totals[beam] / norm, length, jnp.asarray(beam), ~done)
    return heap


def logged(entries: Int[Array, "B T W"], step: Int[Array, "*B"]) -> Int[Array, "B W"]:
    """What was noted at a step, or at each request's own."""
    if not step.ndim:
        return jax.lax.dynamic_index_in_dim(entries, step, axis=1, keepdims=False)
    return jnp.take_along_axis(entries, step[:, None, None], axis=1)[:, 0]


def log(entries: Int[Array, "B T W"], new: Int[Array, "B W"], step: Int[Array, "*B"]) -> Int[Array, "B T W"]:
    """The same with `new` noted at a step, or at each request's own."""
    if not step.ndim:
        return jax.lax.dynamic_update_slice_in_dim(entries, new[:, None], step, axis=1)
    for row in range(len(entries)):  # one by one: a scatter is a loop on a CPU
        entries = jax.lax.dynamic_update_slice(entries, new[row][None, None], (row, step[row], 0))
    return entries


def backtrack(
    codes: Int[np.ndarray, "B T W"],
    parents: Int[np.ndarray, "B T W"],
    lengths: Int[np.ndarray, " B"],
    beams: Int[np.ndarray, " B"],
    fill: int,
) -> Int32[np.ndarray, "B _"]:
    """The code sequences that end in given places of the log.

    Args:
      codes, parents: of every step and beam the code, and the beam of the step before that it continued.
      lengths, beams: number of codes, and the beam that holds the last one.
    Returns:
      The sequences, as many columns as the longest has (at least 1), padded with `fill`.
    """
    rows = np.arange(len(codes))
    result = np.full((len(codes), max(1, int(lengths.max()))), fill, np.int32)
    beam = beams.copy()
    for index in reversed(range(int(lengths.max()))):
        inside = index < lengths
        result[inside, index] = codes[rows, index, beam][inside]
        beam = np.where(inside, parents[rows, index, beam], beam)
    return result
