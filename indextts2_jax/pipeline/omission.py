"""Whether codes leave out words of their text: what the speech model thinks of them itself.

    text, codes ─► log likelihood of the codes │
    text without word 1, codes ─► likewise     ├─► gains: how much likelier the codes are with each word than without
    ...                                        │
    text without word W, codes ─► likewise     │

Codes that say a word are likelier with it in the text, by tens of nats; where it was left out, nothing is gained. It
needs neither an alignment nor a recogniser, and asks the model for no more than it was trained for. It costs a parallel
pass for every word.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from indextts2_jax.array_typing import Params
from indextts2_jax.config import DecodeConfig, ModelConfig
from indextts2_jax.nn.buckets import size_beside
from indextts2_jax.pipeline import batches, stages
from indextts2_jax.pipeline.generation import TEXT_MARKERS, SegmentCodes, Utterance, decoder_conditions, unread

ROWS = 4
"""Texts of one pass: what is compiled for one number of words does for all."""

MOST_PARTS = 15
"""Of a text of more words neighbours are left out together: it costs no more, and sees no single word any longer."""


class Evidence(NamedTuple):
    """What speaks for codes as a reading of their text."""

    gains: list[float]
    """Of every word: the codes' log likelihood with it, less that without it, in nats."""
    stop: float
    """Log probability of the stop token behind them, in nats; 0 where none came."""


def look_for(
    params: Params,
    model: ModelConfig,
    utterance: Utterance,
    chosen: SegmentCodes,
    words: Sequence[tuple[int, int]],
    decode: DecodeConfig = DecodeConfig(),  # noqa: B008 (frozen)
) -> Evidence:
    """Weighs the codes of a segment against its text without each of its words.

    Args:
      chosen: at least one code.
      words: ranges [begin, end) of the text ids, in order.
      decode: how the codes were generated.
    Returns:
      a gain for every word; those left out together share one.
    """
    markers = unread(model, decode)
    together = -(-len(words) // MOST_PARTS)
    parts = list(batches.slices(words, together)) if words else []
    ids = utterance.text_ids
    texts = [ids, *(np.concatenate([ids[: part[0][0]], ids[part[-1][1] :]]) for part in parts)]
    texts = [text[~np.isin(text, markers)] for text in texts]
    stop = [model.gpt.stop_mel_token] * chosen.stopped
    codes = np.append(chosen.codes, stop).astype(np.int32)
    likelihoods = _likelihoods(params, model, utterance, texts, codes, decode.contiguous_positions)
    totals = likelihoods.sum(axis=1, dtype=np.float64)
    gains = [float(totals[0] - without) for part, without in zip(parts, totals[1:], strict=True) for _ in part]
    return Evidence(gains, float(likelihoods[0, len(chosen.codes)]) if chosen.stopped else 0.0)


def _likelihoods(
    params: Params,
    model: ModelConfig,
    utterance: Utterance,
    texts: Sequence[np.ndarray],
    codes: np.ndarray,
    contiguous: bool,
) -> np.ndarray:
    """The log likelihood of the codes [T] as a reading of each text: [texts, T and padding]."""
    conds = decoder_conditions(params, model, [utterance] * ROWS)
    size = size_beside(max(map(len, texts)), conds.shape[1] + TEXT_MARKERS)
    padded, lengths = batches.rows([codes] * ROWS)
    made = []
    for few in batches.slices(texts, ROWS):
        ids, counts = batches.rows([*few, *[few[0]] * (ROWS - len(few))], size)
        inputs = batches.divided(params, (ids, counts, padded, lengths))
        with jax.default_matmul_precision(stages.PRECISION):
            rows = stages.code_likelihood(params, conds, *inputs, model=model, contiguous=contiguous)
        made.append(np.asarray(rows)[: len(few)])
    return np.concatenate(made)
