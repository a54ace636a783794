"""What is suspect about the codes of a segment: their number, and what the model thinks of them where it is asked."""

import numpy as np

from indextts2_jax.array_typing import Float, Params
from indextts2_jax.config import Config, ModelConfig
from indextts2_jax.pipeline import alignment, omission, visits
from indextts2_jax.pipeline.alignment import Heads
from indextts2_jax.pipeline.generation import SegmentCodes
from indextts2_jax.pipeline.recording import Stopwatch
from indextts2_jax.synthesis import retry
from indextts2_jax.synthesis.segment import Segment

Weights = Float[np.ndarray, "T L"]


def faults(
    params: Params,
    model: ModelConfig,
    config: Config,
    heads: Heads,
    segment: Segment,
    chosen: SegmentCodes,
    watch: Stopwatch,
) -> tuple[retry.Fault, ...]:
    """Why the codes of a segment are suspect."""
    rate, decode = model.codes_per_second, config.decode
    evidence: omission.Evidence | None = None
    found: tuple[retry.Fault, ...] = ()
    if chosen.stopped and len(chosen.codes):  # else it is suspect anyway
        if config.redraw.check_words:
            with watch("check words"):
                evidence = omission.look_for(params, model, segment.utterance, chosen, segment.words, decode)
        if config.redraw.check_alignment and heads.places:
            with watch("check alignment"):
                weights = attention(params, model, config, heads, segment, chosen.codes)
            seen = visits.count(weights, segment.words, segment.word_seconds, rate)
            found = retry.word_faults(segment.quoted, seen.missing, seen.repeated)
    return retry.code_faults(chosen, segment.expected_seconds, config.redraw, evidence, rate) + found


def attention(
    params: Params, model: ModelConfig, config: Config, heads: Heads, segment: Segment, codes: np.ndarray
) -> Weights:
    """Where the model looks in the text at each of the codes, [start] first and [stop] last: the mean of its heads."""
    maps = alignment.attention_maps(params, model, segment.utterance, codes, heads.places, config.decode)
    mean: Weights = maps.mean(axis=0)
    return mean
