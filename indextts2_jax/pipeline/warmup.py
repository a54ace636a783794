"""All that speech in a voice may need is compiled, before anybody waits for it.

Lengths are rounded up to rungs of a ladder (`nn/buckets.py`), and every stage is compiled for each rung that it meets:
the decoder for those of the text, the second pass for those of text and codes, the flow matching and the vocoder for
those of the mel. Each step here runs one stage on made-up codes at one of these sizes, through the very functions that
speak.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from indextts2_jax.array_typing import Params
from indextts2_jax.config import EVEN_SLOWEST, LONGEST_FACTOR, Config, ModelConfig
from indextts2_jax.gpt.rehearsal import rehearse
from indextts2_jax.nn.buckets import SMALLEST, bucket_size, prompt_size
from indextts2_jax.pipeline import alignment, batches, generation, omission, speak, stages

ANY_TOKEN = 2
"""Neither the start nor the stop of a text."""

CODES_A_TOKEN = 1.0, 30.0
"""The fewest and the most that a token of text is spoken in: sizes of text and codes further apart do not meet."""


class Step(NamedTuple):
    """One stage at one size."""

    name: str
    run: Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What is to be expected."""

    text: int
    """Tokens of the longest segment."""
    codes: int
    """Of the longest segment."""
    at_once: int = 1
    """Segments of the largest batch."""


def steps(
    params: Params,
    model: ModelConfig,
    config: Config,
    utterances: Sequence[generation.Utterance],
    sizes: Sizes,
    heads: alignment.Heads = alignment.NO_HEADS,
) -> Iterator[Step]:
    """Everything that segments of up to these sizes need.

    Args:
      heads: those that find the words of a text, where that is asked for.
      utterances: one in each voice; their texts do not matter. Prompts of equal padded length share what is compiled.
    """
    one = utterances[0]
    others = model.gpt.condition_rows + generation.DECODER_MARKERS
    texts = [rung - others for rung in rungs(sizes.text + others) if rung > others]
    slowest = config.duration.factor * (EVEN_SLOWEST if config.duration.even_pace else 1.0)
    longest = speak.natural_frames(model, sizes.codes, min(slowest, LONGEST_FACTOR))
    counts = [2**power for power in range((sizes.at_once - 1).bit_length() + 1)]
    behind = [count for count in counts if count <= batches.behind_decoder(params, sizes.at_once)]

    def step(name: str, function: Callable[..., object], *arguments: object) -> Step:
        return Step(name, functools.partial(function, params, model, *arguments))

    for count, tokens in itertools.product(counts, texts):
        batch = [_reading(one, tokens)] * count
        yield step(f"decoder: {count} x {tokens} tokens", _decoder, config, batch, sizes.codes)
    for (fewest, tokens), (fewer, codes) in itertools.product(_ranges(texts), _ranges(rungs(sizes.codes))):
        if fewer > CODES_A_TOKEN[1] * tokens or codes < CODES_A_TOKEN[0] * fewest:
            continue
        for count in behind:
            batch = [_reading(one, tokens)] * count
            yield step(f"second pass: {count} x {tokens} tokens, {codes} codes", _second_pass, batch, codes)
        if heads.places:
            reading = _reading(one, tokens)
            yield step(f"word times: {tokens} tokens, {codes} codes", _word_times, config, reading, codes, heads)
        if config.redraw.check_words:
            yield step(
                f"check of words: {tokens} tokens, {codes} codes", _check_words, config, _reading(one, tokens), codes
            )
    prompts = {prompt_size(len(own.voice.prompt_mel)): own for own in utterances}
    for frames, count in itertools.product(rungs(longest), behind):
        for before, own in prompts.items():
            yield step(f"flow matching: {count} x {before} + {frames} frames", _flow, config, [own] * count, frames)
        yield step(f"vocoder: {count} x {frames} frames", _vocoder, count, frames)


def rungs(longest: int) -> list[int]:
    """All sizes that lengths up to this one are padded to."""
    made = [SMALLEST]
    while made[-1] < longest:
        made.append(bucket_size(made[-1] + 1))
    return made


def _ranges(rising: Sequence[int]) -> list[tuple[int, int]]:
    """What a rung holds: (the fewest, the most)."""
    return [(before + 1, own) for before, own in zip([0, *rising], rising, strict=False)]


def _reading(utterance: generation.Utterance, tokens: int) -> generation.Utterance:
    """A text of so many tokens, none of them of those that are left out (`generation.unread`)."""
    return dataclasses.replace(utterance, text_ids=np.full(tokens, ANY_TOKEN, np.int32))


def _decoder(
    params: Params, model: ModelConfig, config: Config, batch: Sequence[generation.Utterance], codes: int
) -> None:
    conditions, ids, lengths = generation.decoder_inputs(params, model, batch)
    ids, lengths = batches.divided(params, (ids, lengths))
    keys = generation.decoder_keys(params, batch)
    with jax.default_matmul_precision(stages.PRECISION):
        weights = params["gpt"]["speech_lm"]
        rehearse(weights, model.gpt, config.decode, conditions, ids, lengths, keys, codes=codes)


def _check_words(
    params: Params, model: ModelConfig, config: Config, utterance: generation.Utterance, codes: int
) -> None:
    chosen = generation.SegmentCodes(np.zeros(codes - 1, np.int32), stopped=True)
    omission.look_for(params, model, utterance, chosen, [(0, 1)], config.decode)


def _word_times(
    params: Params,
    model: ModelConfig,
    config: Config,
    utterance: generation.Utterance,
    codes: int,
    heads: alignment.Heads,
) -> None:
    alignment.attention_maps(params, model, utterance, np.zeros(codes, np.int32), heads.places, config.decode)


def _second_pass(params: Params, model: ModelConfig, batch: Sequence[generation.Utterance], codes: int) -> None:
    own = [np.zeros(codes, np.int32)] * len(batch)
    speak.acoustic_conditions(params, model, batch, own, [speak.natural_frames(model, codes)] * len(batch))


def _flow(
    params: Params, model: ModelConfig, config: Config, batch: Sequence[generation.Utterance], frames: int
) -> None:
    prompts = [speak.Prompt(one.voice.prompt_mel, one.voice.prompt_condition) for one in batch]
    told = [np.zeros((frames, model.s2mel.width), np.float32)] * len(batch)
    speak.infill(params, config, model, batch, prompts, told)


def _vocoder(params: Params, model: ModelConfig, count: int, frames: int) -> None:
    speak.waveforms(params, model, [np.zeros((frames, model.s2mel.mel_bins), np.float32)] * count)
