"""Which token of a text is spoken at each of its codes, by the attention of the speech model itself.

    text ids, codes ─ attention_maps ─► [H T L+2] ─ mean of the heads ─ path ─► token of every code

The heads are chosen once a model (`choose`), on a clip of which text and times are known: the most monotone ones, as
many as make their mean the most monotone. Monotone is a head of which a path that never goes back in the text gathers
more attention than one that never goes forward.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from indextts2_jax.array_typing import Float, Int, Params
from indextts2_jax.config import DecodeConfig, ModelConfig
from indextts2_jax.gpt.text_attention import Head
from indextts2_jax.nn.buckets import size_beside
from indextts2_jax.pipeline import batches, stages
from indextts2_jax.pipeline.generation import TEXT_MARKERS, Utterance, decoder_conditions, unread


class Heads(NamedTuple):
    """The heads of a model that tell where in the text its speech is."""

    places: tuple[Head, ...]
    """None where none of them does."""
    lag: float = 0.0
    """Codes that what they tell is to be moved by: they may look at what comes next."""


NO_HEADS = Heads(())


class Alignment(NamedTuple):
    """A text beside its codes."""

    tokens: Int[np.ndarray, " T"]
    """The token spoken at each code, not decreasing; -1 before the first and L behind the last."""
    weights: Float[np.ndarray, "T L"]
    """The share of the attention on each token."""


def attention_maps(
    params: Params,
    model: ModelConfig,
    utterance: Utterance,
    codes: Int[np.ndarray, " T"],
    heads: Sequence[Head],
    decode: DecodeConfig = DecodeConfig(),  # noqa: B008 (frozen)
) -> Float[np.ndarray, "H T _"]:
    """Each head's attention at each code, one or more, to [start], every token of the text, and [stop].

    Tokens that generation does not read get none.
    """
    ids = utterance.text_ids.astype(np.int32)
    read = np.flatnonzero(~np.isin(ids, unread(model, decode)))
    conds = decoder_conditions(params, model, [utterance])
    text, lengths = batches.rows([ids[read]], size_beside(len(read), conds.shape[1] + TEXT_MARKERS))
    padded, counts = batches.rows([codes.astype(np.int32)])
    inputs = batches.divided(params, (text, lengths, padded, counts))
    given = {"model": model, "heads": tuple(heads), "contiguous": decode.contiguous_positions}
    found = np.asarray(stages.text_attention(params, conds, *inputs, **given))[0, :, : len(codes), : len(read) + 2]
    maps = np.zeros((*found.shape[:2], len(ids) + 2), np.float32)
    maps[:, :, [0, *(read + 1), len(ids) + 1]] = found
    return maps


def choose(maps: Float[np.ndarray, "H T L"]) -> list[int]:
    """The heads, by their places, whose mean is the most monotone; none where not even that is monotone at all."""
    order = np.argsort(-monotony(maps), kind="stable")
    means = np.cumsum(maps[order], axis=0) / np.arange(1, len(order) + 1)[:, None, None]
    gains = monotony(means)
    most = int(np.argmax(gains))
    return [int(head) for head in order[: most + 1]] if gains[most] > 0 else []


def monotony(maps: Float[np.ndarray, "H T L"]) -> Float[np.ndarray, " H"]:
    """The share of a map that the best path forward gathers, less that of the best path backward."""
    return _gathered(maps) - _gathered(maps[:, ::-1])


def _gathered(maps: Float[np.ndarray, "H T L"]) -> Float[np.ndarray, " H"]:
    reached = np.zeros(maps[:, 0].shape)
    for row in range(maps.shape[1]):
        reached = np.maximum.accumulate(reached, axis=1) + maps[:, row]
    best: np.ndarray = reached.max(axis=1) / maps.shape[1]
    return best


def path(weights: Float[np.ndarray, "T L"], back: float = math.inf) -> Int[np.ndarray, " T"]:
    """The column of each row that together gather the most; columns may be left out.

    Args:
      back: what going back to an earlier column costs; by default it is never done.
    """
    rows, columns = weights.shape
    places = np.arange(columns)
    before = np.zeros((rows, columns), int)
    reached = weights[0].astype(np.float64)
    for row in range(1, rows):
        best = np.maximum.accumulate(reached)
        came = np.maximum.accumulate(np.where(reached >= best, places, 0))
        most = int(np.argmax(reached))
        returns = best < reached[most] - back
        before[row] = np.where(returns, most, came)
        reached = np.where(returns, reached[most] - back, best) + weights[row]
    found = np.empty(rows, int)
    found[-1] = int(np.argmax(reached))
    for row in range(rows - 1, 0, -1):
        found[row - 1] = before[row][found[row]]
    return found


def align(maps: Float[np.ndarray, "H T L"]) -> Alignment:
    """By the mean of all heads' maps, [start] first and [stop] last."""
    weights = maps.mean(axis=0)
    return Alignment(path(weights) - 1, weights[:, 1:-1])
